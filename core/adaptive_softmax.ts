/**
 * Adaptive embedding and softmax — Baevski & Auli 2018 (1809.10853); Grave et al. 2016 (1609.04309).
 * Idea   Most words are rare, and a rare word needs no wide vector. The vocabulary, sorted by frequency,
 *        is cut into clusters; each further cluster has narrower vectors, brought to the model's width
 *        by a linear map. The softmax has two steps: a frequent word or a cluster, then a word of it.
 * Maths  x = √D · U_c table_c[id − start_c]
 *        p(id) = p₀(id) in the first cluster;  p(id) = p₀(cluster c) · p_c(id) in a further one
 * Axes   B batch · T positions · V tokens (of a cluster) · C clusters but the first · E width of a
 *        cluster's vectors · D model width
 * Differs from the paper: it computes a cluster's scores only where its words stand; here they are
 *        computed at every position, which costs time, and nothing depends on the data's shape.
 * Trap   Tokens must be sorted by frequency before they get their ids. If they are not, it runs, and
 *        gives the frequent words the narrow vectors.
 * @module
 */
import { declare, type Declared, type Parameters } from "./parameters.ts";
import {
  add,
  at,
  concat,
  crossEntropy,
  einsum,
  gather,
  ignored,
  less,
  logSoftmax,
  maximum,
  minimum,
  multiply,
  rename,
  scale,
  slice,
  subtract,
  type Tensor,
  where,
} from "./tensor/mod.ts";

/** How the vocabulary is cut. */
export interface AdaptiveSizes {
  /** Tokens, V. */
  vocabulary: number;
  /** The first id of each further cluster, rising. */
  cutoffs: readonly number[];
  /** Width of the first cluster's vectors. */
  embedding: number;
  /** By what the width is divided from cluster to cluster; rounded down. */
  division: number;
  /** Model width, D. */
  width: number;
  /** Of which clusters the map to the model's width serves on the way out, too. */
  tied: readonly boolean[];
}

/** The declared parameters of one cluster. */
export interface ClusterDeclared {
  /** The vectors of its tokens: looked up, and output weights. */
  table: Declared<"V E">;
  /** To the model's width. */
  up: Declared<"D E">;
  /** On the way out; `up` itself where tied. */
  down: Declared<"D E">;
  /** Of the scores. */
  bias: Declared<"V">;
}

/** The declared parameters. */
export interface AdaptiveDeclared {
  /** From frequent to rare. */
  clusters: ClusterDeclared[];
  /** Scores of the further clusters among the first one's words, if there are any. */
  gate?: { weight: Declared<"C E">; bias: Declared<"C"> };
}

/** The parameters. */
export type AdaptiveParameters = Parameters<AdaptiveDeclared>;

/**
 * Declare clusters of a vocabulary.
 *
 * @throws {RangeError} where the cutoffs do not rise within the vocabulary.
 *
 * @example
 * ```ts
 * import { adaptiveParameters } from "@lineage/lineage/core/adaptive_softmax";
 * import { assertEquals } from "@std/assert";
 * const sizes = { vocabulary: 60, cutoffs: [24, 40], embedding: 24, division: 2, width: 24 };
 * const { clusters } = adaptiveParameters({ ...sizes, tied: [false, true, true] });
 * assertEquals(clusters.map((c) => c.table.shape), [[24, 24], [16, 12], [20, 6]]);
 * ```
 */
export function adaptiveParameters(sizes: AdaptiveSizes): AdaptiveDeclared {
  const { vocabulary, cutoffs, embedding, division, width, tied } = sizes;
  const ends = [0, ...cutoffs, vocabulary];
  if (!ends.every((end, c) => c === 0 || end > ends[c - 1])) {
    throw new RangeError(`the cutoffs ${cutoffs} do not rise from 1 up to below ${vocabulary}`);
  }
  const clusters = ends.slice(1).map((end, c) => {
    const tokens = end - ends[c], E = Math.floor(embedding / division ** c);
    const up = declare("D E", [width, E]);
    return {
      table: declare("V E", [tokens, E]),
      up,
      down: tied[c] ? up : declare("D E", [width, E]),
      bias: declare("V", [tokens], "zeros"),
    };
  });
  const gate = {
    weight: declare("C E", [Math.max(1, cutoffs.length), embedding]),
    bias: declare("C", [Math.max(1, cutoffs.length)], "zeros"),
  };
  return { clusters, ...cutoffs.length > 0 && { gate } };
}

/**
 * The vectors of tokens, in the model's width.
 *
 * @throws {RangeError} where an id is not in the vocabulary, if the ids are given data.
 *
 * @example
 * ```ts
 * import { adaptiveEmbedding, adaptiveParameters } from "@lineage/lineage/core/adaptive_softmax";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const sizes = { vocabulary: 9, cutoffs: [4], embedding: 8, division: 2, width: 6, tied: [] };
 * const params = initialise(adaptiveParameters(sizes), randomKey(1));
 * assertEquals(adaptiveEmbedding(tensor("B T", [[3, 8]]), params).shape, [1, 2, 6]);
 * ```
 */
export function adaptiveEmbedding(
  ids: Tensor<"B T">,
  { clusters }: AdaptiveParameters,
): Tensor<"B T D"> {
  const starts = startsOf(clusters);
  checkIds(ids, starts.at(-1)!);
  const parts = clusters.map(({ table, up }, c) => {
    const rows = gather(table, within(ids, starts[c], table.size("V")));
    const own = multiply(rows, inside(ids, starts[c], starts[c + 1]));
    return einsum("B T E, D E -> B T D", own, up);
  });
  return scale(parts.reduce((a, b) => add(a, b)), Math.sqrt(clusters[0].up.size("D")));
}

/** The first id of each cluster, and what comes after the last. */
function startsOf(clusters: AdaptiveParameters["clusters"]): number[] {
  const starts = [0];
  for (const { table } of clusters) starts.push(starts.at(-1)! + table.size("V"));
  return starts;
}

function checkIds(ids: Tensor, vocabulary: number): void {
  if (ids.origin.kind !== "data") return;
  const wrong = Array.from(ids.origin.values).find((id) =>
    !(Number.isInteger(id) && id >= 0 && id < vocabulary)
  );
  if (wrong === undefined) return;
  throw new RangeError(`the id ${wrong} is not one of the vocabulary's ${vocabulary} tokens`);
}

/** Ids as rows of a cluster; those of other clusters become some row or other. */
const within = (ids: Tensor<"B T">, start: number, size: number) =>
  maximum(minimum(subtract(ids, start), size - 1), 0);

/** 1 where an id is one of a cluster's. */
const inside = (ids: Tensor<"B T">, start: number, end: number) =>
  multiply(less(ids, end), less(scale(ids, -1), 1 - start));

/** Scores of a cluster's words; of the first, also of the other clusters. */
function scores(x: Tensor<"B T D">, params: AdaptiveParameters, c: number): Tensor<"B T V"> {
  const { table, down, bias } = params.clusters[c], gate = c === 0 ? params.gate : undefined;
  const narrow = einsum("B T D, D E -> B T E", x, down);
  const weight = gate ? concat([table, rename(gate.weight, "C E -> V E")], "V") : table;
  const shift = gate ? concat([bias, rename(gate.bias, "C -> V")], "V") : bias;
  return add(einsum("B T E, V E -> B T V", narrow, weight), shift);
}

/**
 * The logarithm of every token's probability.
 *
 * @example
 * ```ts
 * import { adaptiveLogProbabilities, adaptiveParameters } from "@lineage/lineage/core/adaptive_softmax";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { exp, normal, randomKey, read, sum } from "@lineage/lineage/core/tensor";
 * import { assertAlmostEquals } from "@std/assert";
 * const sizes = { vocabulary: 9, cutoffs: [4], embedding: 8, division: 2, width: 6, tied: [] };
 * const params = initialise(adaptiveParameters(sizes), randomKey(1));
 * const all = adaptiveLogProbabilities(normal(randomKey(2), "B T D", [1, 1, 6]), params);
 * assertAlmostEquals((await read(sum(exp(all))))[0], 1, 1e-5);
 * ```
 */
export function adaptiveLogProbabilities(
  x: Tensor<"B T D">,
  params: AdaptiveParameters,
): Tensor<"B T V"> {
  const first = logSoftmax(scores(x, params, 0), "V"),
    frequent = startsOf(params.clusters)[1];
  const parts = params.clusters.map((_, c) => {
    if (c === 0) return slice(first, "V", 0, frequent);
    const ofCluster = at(first, "V", frequent + c - 1);
    return add(logSoftmax(scores(x, params, c), "V"), ofCluster);
  });
  return concat(parts, "V");
}

/**
 * −log p of the token that stands at each position, in nats; 0 where the label is `ignored`.
 *
 * @example
 * ```ts
 * import { adaptiveParameters, adaptiveSurprise } from "@lineage/lineage/core/adaptive_softmax";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey, read, tensor, zeros } from "@lineage/lineage/core/tensor";
 * import { assertAlmostEquals } from "@std/assert";
 * const sizes = { vocabulary: 9, cutoffs: [4], embedding: 8, division: 2, width: 6, tied: [] };
 * const params = initialise(adaptiveParameters(sizes), randomKey(1));
 * const surprise = adaptiveSurprise(zeros("B T D", [1, 2, 6]), tensor("B T", [[3, 8]]), params);
 * const [frequent, rare] = await read(surprise); // all scores are 0
 * assertAlmostEquals(frequent, Math.log(5), 1e-5); // one of four words and a cluster
 * assertAlmostEquals(rare, Math.log(5) + Math.log(5), 1e-5); // the cluster, then one of its five
 * ```
 */
export function adaptiveSurprise(
  x: Tensor<"B T D">,
  labels: Tensor<"B T">,
  params: AdaptiveParameters,
): Tensor<"B T"> {
  const starts = startsOf(params.clusters), frequent = starts[1];
  const further = params.clusters.slice(1).map((_, i) => {
    const start = starts[i + 1], here = inside(labels, start, starts[i + 2]);
    const own = where(here, subtract(labels, start), ignored);
    return { here, loss: crossEntropy(scores(x, params, i + 1), own, "V") };
  });
  // In the first step the words of cluster c are all one: the c-th after the frequent words.
  const first = further.reduce(
    (label, { here }, i) => add(label, scale(here, frequent + i)),
    multiply(labels, less(labels, frequent)),
  );
  const chosen = crossEntropy(scores(x, params, 0), first, "V");
  return further.reduce((sum, { loss }) => add(sum, loss), chosen);
}
