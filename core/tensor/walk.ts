/**
 * Walking through a graph of tensors.
 *
 * Idea   A recurrent network over a long text is a graph thousands of tensors deep: the walk keeps its own
 *        stack, as that of the language would overflow. And every training step walks, so a walk makes no
 *        set of what it has met: each tensor knows its place in the latest order, and that order tells
 *        whether the tensor is there.
 * Differs from the paper: Briggs & Torczon 1993 keep such a set of small numbers in two arrays.
 * @module
 */
import type { Tensor } from "./tensor.ts";

/** Everything that the given tensors come from, and they themselves; each once, after its sources. */
export function sourcesFirst(
  roots: readonly Tensor[],
  sources: (x: Tensor) => readonly Tensor[] = (x) => x.inputs,
): Tensor[] {
  const order: Tensor[] = [], stack: Tensor[] = [];
  const isNew = (x: Tensor) => order[x.place] !== x;
  for (const root of roots) {
    if (isNew(root)) stack.push(root);
    while (stack.length) {
      const x = stack.at(-1)!, source = sources(x).find(isNew);
      if (source) stack.push(source);
      else x.place = order.push(stack.pop()!) - 1;
    }
  }
  return order;
}
