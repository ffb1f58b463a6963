/** UniLM: its shares, its masks, its segments, and that a sight decides what a guess depends on. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { initialise } from "../core/parameters.ts";
import { device, randomKey, read } from "../core/tensor/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import { BERT, BERT_TINY } from "../models/bert.ts";
import { modelParameters } from "../models/model.ts";
import { differences, encode } from "../models/spec.ts";
import { UNILM } from "../models/unilm.ts";
import { paperShares, type SightName, underSights, uniLM } from "../objectives/unilm.ts";
import { onEveryDevice } from "./devices.ts";
import { goldenRoot } from "./golden_models.ts";
import { tokenizerOf, upTo } from "./objectives.ts";

const tokenizer = tokenizerOf("boat", "ship", "walk", "talk", "sea", ".");
const pair = ["boat ship .", "walk sea"] as const; // [CLS] 3 [SEP] 2 [SEP]
const names: SightName[] = ["bothSides", "leftToRight", "rightToLeft", "sequenceToSequence"];

Deno.test("UniLM differs from BERT in its objectives alone: the masks come with the batch", () => {
  assertEquals(differences(BERT, UNILM), ["objectives"]);
});

Deno.test("the paper's shares: a third, a third, a sixth, a sixth", () => {
  const batch = encodeBatch(tokenizer, Array(600).fill(pair));
  const { sights } = uniLM(tokenizer.vocabulary).corrupt(batch, randomKey(1));
  for (const name of names) {
    const share = sights.filter((one) => one === name).length / 600;
    assert(Math.abs(share - paperShares[name]!) < 0.06, `${name}: ${share}`);
  }
  const one = uniLM(tokenizer.vocabulary, { leftToRight: 2 }).corrupt(batch, randomKey(2));
  assertEquals(new Set(one.sights), new Set(["leftToRight"]));
  assertThrows(() => uniLM(tokenizer.vocabulary, {}), RangeError, "all 0");
  assertThrows(() => uniLM(tokenizer.vocabulary, { bothSides: -1 }), RangeError, "-1");
});

interface GoldenMasks {
  segment_ids: number[][];
  padding_mask: number[][];
  unilm_seq2seq_with_padding: number[][][];
  left_to_right: number[][];
  right_to_left: number[][];
}

onEveryDevice("golden masks: a text under each sight, padding hidden", async () => {
  const golden: GoldenMasks = JSON.parse(
    Deno.readTextFileSync(`${goldenRoot}/nonmodel/masks.json`),
  );
  const column = (rows: number[][]) => Int32Array.from(rows.flat());
  const [B, T] = [golden.segment_ids.length, golden.segment_ids[0].length];
  const none = new Int32Array(B * T);
  const batch = {
    ids: none,
    segments: column(golden.segment_ids),
    mask: column(golden.padding_mask),
    words: none,
    starts: none,
    ends: none,
    shape: [B, T] as const,
  };
  const hidden = (rows: number[][]) =>
    golden.padding_mask.flatMap((padding) => rows.flatMap((r) => r.map((x, j) => x * padding[j])));
  const wanted: Record<SightName, number[]> = {
    bothSides: hidden(upTo(T).map(() => Array(T).fill(1))),
    leftToRight: hidden(golden.left_to_right),
    rightToLeft: hidden(golden.right_to_left),
    sequenceToSequence: golden.unilm_seq2seq_with_padding.flat(2),
  };
  for (const name of names) {
    const { mask } = underSights(batch, Array(B).fill(name));
    assertEquals([...await read(mask)], wanted[name], name);
  }
});

Deno.test("each sight has segments of its own", async () => {
  const batch = encodeBatch(tokenizer, Array(4).fill(pair)),
    { segments } = underSights(batch, names);
  const rows = [...await read(segments)], T = batch.shape[1];
  assertEquals(upTo(4).map((b) => [...new Set(rows.slice(b * T, (b + 1) * T))]), [
    [0, 1],
    [2],
    [3],
    [4, 5],
  ]);
});

Deno.test("the mask alone decides what a guess depends on", async () => {
  await device("reference");
  const sizes = { ...BERT_TINY, vocabulary: 11, segments: 6, width: 8, heads: 2, inner: 12 };
  const params = initialise(modelParameters(UNILM, sizes, { maskedLM: true }), randomKey(1), 0.5);
  const ids = encodeBatch(tokenizer, [pair]).ids, T = ids.length;
  const states = async (name: SightName, changed?: number) => {
    const batch = encodeBatch(tokenizer, [pair]);
    if (changed !== undefined) batch.ids[changed] = (ids[changed] + 1) % 11;
    const { last } = encode(UNILM, sizes, params.encoder, underSights(batch, [name]));
    return await read(last);
  };
  const reached = async (name: SightName, from: number) => {
    const [before, after] = [await states(name), await states(name, from)];
    const moved = (t: number) =>
      before.slice(8 * t, 8 * t + 8).some((x, i) => Math.abs(x - after[8 * t + i]) > 1e-9);
    return upTo(T).filter(moved);
  };
  const from = 5; // the first word of the second part
  assertEquals(await reached("bothSides", from), upTo(T));
  assertEquals(await reached("leftToRight", from), upTo(T).filter((t) => t >= from));
  assertEquals(await reached("rightToLeft", from), upTo(T).filter((t) => t <= from));
  assertEquals(await reached("sequenceToSequence", from), upTo(T).filter((t) => t >= from));
  assertEquals(await reached("sequenceToSequence", 1), upTo(T));
});
