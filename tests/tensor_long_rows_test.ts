/** Rows that are longer than what one thread of a software GPU goes through. */
import { assertEquals } from "@std/assert";
import { crossEntropy, read, sum, tensor } from "../core/tensor/mod.ts";
import { onEveryDevice } from "./devices.ts";
import { assertNear } from "./numbers.ts";

onEveryDevice("a long row is summed to its end", async () => {
  for (
    const [rows, length] of [[1, 2 ** 22 - 1], [1, 2 ** 23 - 3], [20, 70_001], [20, 4 * 65_535]]
  ) {
    const ones = tensor("B T", new Float32Array(rows * length).fill(1), [rows, length]);
    assertEquals([...await read(sum(ones, "T"))], Array(rows).fill(length));
  }
});

onEveryDevice("the surprise about a late class of many is that about an early one", async () => {
  const [count, classes] = [20, 30_521];
  const labels = Array.from({ length: count }, (_, i) => Math.floor(i * classes / count));
  const logits = new Float32Array(count * classes);
  labels.forEach((label, i) => logits[i * classes + label] = 5);
  const found = await read(
    crossEntropy(tensor("T V", logits, [count, classes]), tensor("T", labels), "V"),
  );
  assertNear(found, Array(count).fill(Math.log(classes - 1 + Math.exp(5)) - 5), 1e-4); // a sum of 30,521 floats
});
