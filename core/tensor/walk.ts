/**
 * Walking through a graph of tensors.
 *
 * Idea   A recurrent network over a long text is a graph thousands of tensors deep: the walk keeps its own
 *        stack, as that of the language would overflow.
 * Differs from the paper: there is none.
 * @module
 */
import type { Tensor } from "./tensor.ts";

/** Everything that the given tensors come from, and they themselves; each once, after its sources. */
export function sourcesFirst(
  roots: readonly Tensor[],
  sources: (x: Tensor) => readonly Tensor[] = (x) => x.inputs,
): Tensor[] {
  const seen = new Set<Tensor>(), order: Tensor[] = [];
  for (const root of roots) {
    const stack = seen.has(root) ? [] : [{ x: root, next: 0 }];
    seen.add(root);
    while (stack.length) {
      const top = stack.at(-1)!, source = sources(top.x)[top.next++];
      if (!source) order.push(stack.pop()!.x);
      else if (!seen.has(source)) {
        seen.add(source);
        stack.push({ x: source, next: 0 });
      }
    }
  }
  return order;
}
