// TypeScript describes WebAssembly in its DOM library only, and gives memories no SharedArrayBuffer. The few parts that
// are used here get their types in this file, without a global declaration that could clash with a user's.

/** A compiled module: opaque, and cheap to send to a worker. */
export interface KernelModule {
  readonly [Symbol.toStringTag]: string;
}

/** A shared WebAssembly memory; it too is sent to a worker as it is. */
export interface KernelMemory {
  readonly buffer: SharedArrayBuffer;
}

interface Engine {
  readonly Module: new (bytes: Uint8Array) => KernelModule;
  readonly Memory: new (limits: { initial: number; maximum: number; shared: true }) => KernelMemory;
  readonly Instance: new (
    module: KernelModule,
    imports: { env: { memory: KernelMemory } },
  ) => { readonly exports: unknown };
}

export const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;
