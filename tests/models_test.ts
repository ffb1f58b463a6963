/** The models of the family: what they differ in, how many parameters they have, what they ignore. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { family } from "../cli/count.ts";
import { leftToRight } from "../core/masks.ts";
import { countParameters, initialise } from "../core/parameters.ts";
import { alternating, banded } from "../core/sparse_attention.ts";
import {
  add,
  device,
  gradients,
  keep,
  leaves,
  randomKey,
  read,
  scale,
  square,
  sum,
  tensor,
} from "../core/tensor/mod.ts";
import { ALBERT } from "../models/albert.ts";
import { BERT, BERT_TINY } from "../models/bert.ts";
import { detectionParameters, detectReplaced } from "../models/detection_head.ts";
import { DISTILBERT, DISTILBERT_BASE, fromTeacher } from "../models/distilbert.ts";
import {
  ELECTRA,
  ELECTRA_GENERATOR,
  ELECTRA_SMALL,
  electraParameters,
  generatorSizes,
} from "../models/electra.ts";
import { ERNIE } from "../models/ernie.ts";
import { GPT } from "../models/gpt.ts";
import { GPT2 } from "../models/gpt2.ts";
import { GPT3 } from "../models/gpt3.ts";
import { modelParameters, nameTokens, withHeads } from "../models/model.ts";
import { CHINESE_ROBERTA, ROBERTA } from "../models/roberta.ts";
import { SPANBERT } from "../models/spanbert.ts";
import { differences, encode, encoderParameters, type Sizes } from "../models/spec.ts";
import { assertAgrees, weigh } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, some } from "./numbers.ts";

const sizes: Sizes = {
  ...BERT_TINY,
  vocabulary: 11,
  positions: 9,
  width: 8,
  heads: 2,
  inner: 12,
  layers: 2,
  epsilon: 1e-6,
};
const encoders = [
  { spec: BERT, sizes },
  { spec: ROBERTA, sizes: { ...sizes, segments: 1, padding: 1 } },
  { spec: ALBERT, sizes: { ...sizes, embedding: 4 } },
  { spec: DISTILBERT, sizes },
  { spec: ERNIE, sizes },
  { spec: ELECTRA, sizes: { ...sizes, embedding: 4 } },
  { spec: ELECTRA_GENERATOR, sizes: { ...sizes, embedding: 16 } },
  { spec: GPT, sizes: { ...sizes, segments: 0 } },
  { spec: GPT2, sizes: { ...sizes, segments: 0 } },
  { spec: { ...GPT3, sight: alternating(leftToRight, banded(2)) }, sizes },
];

const lineage = [
  [BERT, ROBERTA, ["positions", "objectives"]],
  [BERT, CHINESE_ROBERTA, ["objectives"]],
  [BERT, ALBERT, ["embed", "stack", "objectives"]],
  [BERT, DISTILBERT, ["segmented", "pooled", "objectives"]],
  [BERT, SPANBERT, ["objectives"]],
  [BERT, ERNIE, ["activation", "objectives"]],
  [BERT, ELECTRA, ["embed", "pooled", "objectives"]],
  [ELECTRA, ELECTRA_GENERATOR, ["objectives"]],
  [BERT, GPT, ["embed", "segmented", "sight", "activation", "pooled", "objectives"]],
  [GPT, GPT2, ["layer", "finalNorm"]],
  [GPT2, GPT3, ["sight"]],
] as const;

for (const [parent, child, keys] of lineage) {
  Deno.test(`${child.name} differs from ${parent.name} in ${keys.join(", ")}`, () => {
    assertEquals(differences(parent, child), [...keys]);
  });
}

const published = {
  "BERT-base": 109_482_240,
  "BERT-large": 335_141_888,
  "RoBERTa-base": 124_645_632,
  "RoBERTa-large": 355_359_744,
  "Chinese RoBERTa-wwm": 102_267_648,
  "ALBERT-base": 11_683_584,
  "ALBERT-large": 17_683_968,
  "ALBERT-xlarge": 58_724_864,
  "ALBERT-xxlarge": 222_595_584,
  "DistilBERT-base": 66_362_880,
  "SpanBERT-base": 108_310_272,
  "GPT": 116_534_784,
  "GPT-2 small": 124_439_808,
  "GPT-2 medium": 354_823_168,
  "GPT-2 large": 774_030_080,
  "GPT-2 XL": 1_557_611_200,
  "GPT-3 175B": 174_604_259_328,
};

for (const [model, count] of Object.entries(published)) {
  Deno.test(`${model} has ${count} parameters`, () => {
    const [, spec, sizes] = family.find(([name]) => name === model)!;
    assertEquals(countParameters(encoderParameters(spec, sizes)), count);
  });
}

Deno.test("every count of an encoder is the one that its sizes make by hand", () => {
  const encoders = [BERT, ...lineage.map(([, child]) => child)];
  for (const [name, spec, sizes] of family.filter(([, spec]) => encoders.includes(spec))) {
    const { vocabulary: V, positions: P, segments, width: D, inner: F, layers: L } = sizes;
    const E = sizes.embedding ?? D, S = spec.segmented ? segments : 0;
    const up = E === D && spec.embed !== ALBERT.embed ? 0 : E * D + D;
    const norm = spec.embed === GPT.embed ? 0 : 2 * E;
    const embedding = (V + P + S) * E + norm + up;
    const layer = 4 * (D * D + D) + (2 * D * F + F + D) + 4 * D;
    const pooler = spec.pooled.pretrained ? D * D + D : 0;
    const top = (spec.finalNorm ? 2 * D : 0) + pooler;
    const count = embedding + (spec.stack === ALBERT.stack ? 1 : L) * layer + top;
    assertEquals(countParameters(encoderParameters(spec, sizes)), count, name);
  }
});

const initial = ({ spec, sizes }: typeof encoders[number]) =>
  initialise(encoderParameters(spec, sizes, true), randomKey(7), 0.5);

for (const one of encoders) {
  const { spec, sizes } = one, { padding: pad = 0 } = sizes;
  onEveryDevice(
    `${spec.name} gives real tokens the same states with and without padding`,
    async () => {
      const params = await keep(initial(one));
      const run = (rows: number[][], mask: number[][]) =>
        read(
          encode(spec, sizes, params, { ids: tensor("B T", rows), mask: tensor("B T", mask) }).last,
        );
      const plain = await run([[5, 6, 7]], [[1, 1, 1]]);
      const padded = await run([[5, 6, 7, pad, pad]], [[1, 1, 1, 0, 0]]);
      assertNear(padded.slice(0, plain.length), plain, 5e-5);
    },
  );

  onEveryDevice(`${spec.name} is the same on every device, as are its gradients`, async (on) => {
    const params = initial(one);
    const input = { ids: tensor("B T", [[5, 6, 7], [8, 3, pad]]) };
    const { last, pooled } = encode(spec, sizes, params, input);
    const loss = add(weigh(last), weigh(pooled!));
    await assertAgrees({ last, pooled, slopes: gradients(loss, params) }, on, 1e-4);
  });
}

onEveryDevice("RoBERTa, who counts tokens, does not mind padding on the left", async () => {
  const one = encoders[1], params = await keep(initial(one));
  const run = (rows: number[][], mask: number[][]) =>
    read(
      encode(ROBERTA, one.sizes, params, { ids: tensor("B T", rows), mask: tensor("B T", mask) })
        .last,
    );
  const plain = await run([[5, 6, 7]], [[1, 1, 1]]);
  const padded = await run([[1, 1, 5, 6, 7]], [[0, 0, 1, 1, 1]]);
  assertNear(padded.slice(-plain.length), plain, 5e-5);
});

onEveryDevice("DistilBERT and RoBERTa do not look at segments", async () => {
  for (const one of [encoders[1], encoders[3]]) {
    const params = await keep(initial(one)), ids = tensor("B T", [[5, 6, 7]]);
    const run = (segments?: ReturnType<typeof tensor<"B T">>) =>
      read(encode(one.spec, one.sizes, params, { ids, segments }).last);
    assertEquals(await run(tensor("B T", [[0, 1, 1]])), await run());
  }
});

Deno.test("a bare DistilBERT or ELECTRA has no pooler, a classifier on top brings one", () => {
  for (const spec of [DISTILBERT, ELECTRA]) {
    assertEquals(modelParameters(spec, sizes, {}).encoder.pooler, undefined);
    assertEquals(modelParameters(spec, sizes, { tokenClasses: 3 }).encoder.pooler, undefined);
    assert(modelParameters(spec, sizes, { textClasses: 3 }).encoder.pooler);
  }
  for (const spec of [BERT, ROBERTA]) assert(modelParameters(spec, sizes, {}).encoder.pooler);
});

const teacherSizes = { ...sizes, layers: 4 };
const teacherOf = () =>
  keep(initialise(modelParameters(BERT, teacherSizes, { maskedLM: true }), randomKey(1)));

onEveryDevice(
  "a student starts as every other layer of its teacher, and then is its own",
  async () => {
    const teacher = await teacherOf(), first = teacher.encoder.layers[2].attention.key.weight;
    const student = await keep(fromTeacher(teacher, sizes));
    const own = student.encoder.layers[1].attention.key.weight, before = await read(first);
    assertEquals(await read(own), before);
    assertEquals(student.encoder.embedding.segment, undefined);
    await read([], [[own, scale(own, 2)]]);
    assertEquals(await read(first), before); // the teacher does not learn
    assertNear(await read(own), [...before].map((x) => 2 * x), 1e-6);
  },
);

Deno.test("the trap: the student begins with other states, by the segment vector that it lacks", async () => {
  await device("reference");
  const teacher = await teacherOf(), student = fromTeacher(teacher, sizes);
  const ids = tensor("B T", [[5, 6, 7]]), { segment, ...rest } = teacher.encoder.embedding;
  const first = async (spec: typeof BERT, embedding: typeof teacher.encoder.embedding) => {
    const params = { ...teacher.encoder, embedding };
    return await read(encode(spec, sizes, params, { ids }).states[0]);
  };
  const begins = await first(DISTILBERT, student.encoder.embedding);
  const taught = await first(BERT, { ...rest, segment });
  assert(begins.some((x, i) => Math.abs(x - taught[i]) > 1e-3));
  const none = { ...rest, segment: scale(segment!, 0) };
  assertNear(begins, await first(BERT, none), 1e-12);
});

Deno.test("a student's parameters are those that DistilBERT declares", async () => {
  await device("reference");
  const student = fromTeacher(await teacherOf(), sizes);
  const wanted = leaves(
    initialise(modelParameters(DISTILBERT, sizes, { maskedLM: true }), randomKey(1)),
  );
  assertEquals(
    leaves(student).map(([path, x]) => `${path} ${x}`),
    wanted.map(([path, x]) => `${path} ${x}`),
  );
});

Deno.test("the layers that the authors' script takes are taken on request", async () => {
  await device("reference");
  const teacher = await teacherOf();
  const { layers } = fromTeacher(teacher, { ...sizes, layers: 3 }, [0, 1, 3]).encoder;
  assert(layers.every((layer, i) => layer === teacher.encoder.layers[[0, 1, 3][i]]));
});

Deno.test("a student that does not fit its teacher is refused by name", async () => {
  await device("reference");
  const teacher = await teacherOf();
  const refused = (student: Sizes, take: number[] | undefined, ...parts: string[]) => {
    const { message } = assertThrows(() => fromTeacher(teacher, student, take), RangeError);
    for (const part of parts) assertStringIncludes(message, part);
  };
  refused({ ...sizes, layers: 3 }, undefined, "3 layers", "teacher's 4");
  refused(sizes, [0, 4], "0, 4", "4 layers of the teacher");
  refused(sizes, [0], "2 of 4 layers");
  refused({ ...sizes, vocabulary: 12 }, undefined, "vocabulary is 11", "12");
  refused({ ...sizes, width: 4 }, undefined, "width is 8", "4");
  refused({ ...sizes, inner: 4 }, undefined, "inner is 12", "4");
});

Deno.test("DistilBERT has 60 % of BERT's parameters", () => {
  const [student, teacher] = [[DISTILBERT, DISTILBERT_BASE], [BERT, family[0][2]]] as const;
  const count = ([spec, sizes]: typeof student | typeof teacher) =>
    countParameters(encoderParameters(spec, sizes));
  assertEquals(Math.round(100 * count(student) / count(teacher)), 61);
});

Deno.test("ELECTRA's two share what is looked up, and both teach it", async () => {
  await device("reference");
  const large = { ...sizes, embedding: 8 }, small = generatorSizes(large, 1 / 2);
  const declared = electraParameters(small, large);
  const apart = countParameters(declared.generator) + countParameters(declared.discriminator);
  const { up: _, ...shared } = declared.discriminator.encoder.embedding;
  assertEquals(countParameters(declared), apart - countParameters(shared));
  const { generator, discriminator } = initialise(declared, randomKey(3), 0.5);
  const ids = tensor("B T", [[5, 6, 7]]), { word } = discriminator.encoder.embedding;
  const filled = encode(ELECTRA_GENERATOR, small, generator.encoder, { ids }).last;
  const judged = encode(ELECTRA, large, discriminator.encoder, { ids }).last;
  const head = discriminator.replacedTokens!;
  const ofGenerator = sum(square(nameTokens(ELECTRA_GENERATOR, small, generator, filled)));
  const ofJudge = sum(square(detectReplaced(judged, head, ELECTRA.activation)));
  const slope = async (loss: typeof ofJudge) => await read(gradients(loss, { word }).word);
  const [a, b] = [await slope(ofGenerator), await slope(ofJudge)];
  const both = await slope(add(ofGenerator, ofJudge));
  assertNear(both, [...a].map((x, i) => x + b[i]), 1e-9);
  assert(a.some((x) => x !== 0) && b.some((x) => x !== 0));
});

Deno.test("ELECTRA's generator has a part of the sizes, and refuses a broken one", () => {
  const { width, heads, inner, layers } = generatorSizes(ELECTRA_SMALL, 1 / 4);
  assertEquals([width, heads, inner, layers], [64, 1, 256, 12]);
  const error = assertThrows(() => generatorSizes(ELECTRA_SMALL, 1 / 3), RangeError);
  assertStringIncludes(error.message, "width 85.33");
  const other = { ...ELECTRA_SMALL, vocabulary: 100 };
  const apart = assertThrows(() => electraParameters(other, ELECTRA_SMALL), RangeError);
  for (const part of ["word", "100×128", "30522×128"]) assertStringIncludes(apart.message, part);
});

Deno.test("the gradients of ELECTRA's head are those of differences", async () => {
  await device("reference");
  const declared = detectionParameters(3), x = some("B T D", [2, 2, 3], 5);
  const params = {
    x,
    transform: { weight: some("D' D", [3, 3]), bias: some("D'", [3], 2) },
    output: { weight: some("C D", [1, 3], 3), bias: some("C", [1], 4) },
  };
  assertEquals(declared.output.weight.shape, [1, 3]);
  await assertGradients((p) => weigh(detectReplaced(p.x, p, ELECTRA.activation)), params);
});

Deno.test("other heads keep what was learned and start what is missing", async () => {
  await device("reference");
  const learned = initialise(
    modelParameters(BERT, sizes, { maskedLM: true, nextSentence: true }),
    randomKey(1),
  );
  const tuned = withHeads(BERT, sizes, learned, { textClasses: 3 }, randomKey(2));
  assert(tuned.encoder.pooler === learned.encoder.pooler); // next sentence has taught it
  assertEquals(Object.keys(tuned), ["encoder", "classifier"]);
  const again = withHeads(BERT, sizes, tuned, { textClasses: 5 }, randomKey(2));
  assertEquals(again.classifier!.weight.shape, [5, 8]);
  const words = withHeads(BERT, sizes, learned, { maskedLM: true }, randomKey(2));
  assert(words.maskedLM === learned.maskedLM && !words.encoder.pooler);
});

onEveryDevice("the last token speaks for a text of a GPT, wherever the padding is", async () => {
  const params = await keep(initialise(encoderParameters(GPT, sizes, true), randomKey(7), 0.5));
  const run = async (rows: number[][], mask?: number[][], places?: number[][]) => {
    const [ids, seen, at] = [rows, mask, places].map((x) => x && tensor("B T", x));
    return await read(encode(GPT, sizes, params, { ids: ids!, mask: seen, places: at }).pooled!);
  };
  const plain = await run([[5, 6, 7]]);
  assertNear(await run([[5, 6, 7, 0, 0]], [[1, 1, 1, 0, 0]]), plain, 5e-6);
  assertNear(await run([[0, 5, 6, 7]], [[0, 1, 1, 1]], [[0, 0, 1, 2]]), plain, 5e-6);
  const other = await run([[5, 6, 8]]);
  assert(other.some((x, i) => Math.abs(x - plain[i]) > 1e-3));
});

Deno.test("other heads of a GPT-2 keep its last norm, too", async () => {
  await device("reference");
  const learned = initialise(modelParameters(GPT2, sizes, { languageModel: true }), randomKey(1));
  const judge = withHeads(GPT2, sizes, learned, { tokenClasses: 1 }, randomKey(2));
  assert(judge.encoder.norm && judge.encoder.norm === learned.encoder.norm);
  assertEquals(Object.keys(judge), ["encoder", "classifier"]);
  const back = withHeads(GPT2, sizes, judge, { languageModel: true }, randomKey(2));
  const { last } = encode(GPT2, sizes, back.encoder, { ids: tensor("B T", [[1, 2]]) });
  const before = encode(GPT2, sizes, learned.encoder, { ids: tensor("B T", [[1, 2]]) }).last;
  const scores = [nameTokens(GPT2, sizes, back, last), nameTokens(GPT2, sizes, learned, before)];
  const [found, wanted] = await read(scores);
  assertEquals(found, wanted);
});

Deno.test("naming tokens without a head for it says so", async () => {
  await device("reference");
  const params = initialise(modelParameters(BERT, sizes, {}), randomKey(1));
  const { last } = encode(BERT, sizes, params.encoder, { ids: tensor("B T", [[1]]) });
  const error = assertThrows(() => nameTokens(BERT, sizes, params, last), Error);
  assertStringIncludes(error.message, "no masked-LM head");
});
