/**
 * The collector, and memory that it does not see.
 *
 * Idea   A tensor that is kept, or a GPU's command encoder, is a few words in JavaScript's heap and far more
 *        outside of it: the collector sees no need to look for those that nobody holds any more. Array
 *        buffers it counts. So it is told by one that nobody touches: none of its memory is ever taken.
 * Differs from the paper: there is none.
 * Trap   Without it a model that is loaded again and again into the same variable fills the memory.
 * @module
 */

/** V8 begins to collect when 64 MB were asked for outside of its heap since the last time. */
const NOTICED = 2 ** 27;

/** Let what nobody holds be collected soon: bit by bit, while the program goes on. */
export function collectSoon(): void {
  try {
    new ArrayBuffer(NOTICED);
  } catch {
    // There is not even room for what is never touched: then V8 has just collected all it could.
  }
}
