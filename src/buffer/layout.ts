/** Sections of shared memory start at multiples of this many bytes, so that no two writers share a cache line. */
export const sectionAlignment = 128;

export function alignUp(bytes: number, alignment = sectionAlignment): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/**
 * Hands out byte offsets, one section after another. Planning a memory and using it go through the same offsets:
 * the plan is plain data and travels to the workers.
 */
export class Layout {
  #end: number;

  /** @param start first byte that may be used */
  constructor(start = 0) {
    this.#end = start;
  }

  /** Reserves `bytes` and returns their offset. */
  reserve(bytes: number, alignment = sectionAlignment): number {
    const offset = alignUp(this.#end, alignment);
    this.#end = offset + bytes;
    return offset;
  }

  /** First byte behind everything reserved so far. */
  get end(): number {
    return this.#end;
  }
}
