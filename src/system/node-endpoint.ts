import type { Endpoint } from 'comlink';
import type { MessagePort, Worker } from 'node:worker_threads';

type Listener = (event: { readonly data: unknown }) => void;

/**
 * A worker, or a worker's parent, as comlink wants to see it. (Comlink's own adapter for Node does not type-check under
 * NodeNext.) Comlink registers its listeners under `message` and looks at nothing but `event.data`.
 */
export function nodeEndpoint(port: Worker | MessagePort): Endpoint {
  const handlers = new Map<unknown, (data: unknown) => void>();
  return {
    postMessage(message: unknown, transfer?: readonly unknown[]): void {
      port.postMessage(message, transfer as Parameters<MessagePort['postMessage']>[1]);
    },
    addEventListener(_type: string, listener: unknown): void {
      const handler = (data: unknown): void => {
        if (typeof listener === 'function') (listener as Listener)({ data });
        else (listener as { handleEvent: Listener }).handleEvent({ data });
      };
      handlers.set(listener, handler);
      port.on('message', handler);
    },
    removeEventListener(_type: string, listener: unknown): void {
      const handler = handlers.get(listener);
      if (handler === undefined) return;
      handlers.delete(listener);
      port.off('message', handler);
    },
  };
}
