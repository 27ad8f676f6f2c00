// placeholder until the kernels exist
export interface Kernels {
  readonly memory: WebAssembly.Memory;
}
