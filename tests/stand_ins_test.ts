/** The stand-ins in `offline/` keep to what the real packages do; the same tests pass with those. */
import * as claims from "@std/assert";
import { assertEquals, AssertionError, assertRejects, assertThrows } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";

const rejects = (check: () => unknown) => assertThrows(check, AssertionError);

class Point {
  #x: number;
  constructor(x: number) {
    this.#x = x;
  }
  get x(): number {
    return this.#x;
  }
}

const cycle = (): unknown[] => {
  const list: unknown[] = [1];
  list.push(list);
  return list;
};

const same: [string, unknown, unknown][] = [
  ["0 and -0", 0, -0],
  ["NaN twice", [NaN], [NaN]],
  ["records in another order", { a: 1, b: [2] }, { b: [2], a: 1 }],
  ["typed arrays", Float32Array.of(1, -0), Float32Array.of(1, 0)],
  ["buffers", Uint8Array.of(1, 2).buffer, Uint8Array.of(1, 2).buffer],
  ["maps in another order", new Map([["a", 1], ["b", 2]]), new Map([["b", 2], ["a", 1]])],
  ["maps with objects as keys", new Map([[{ a: 1 }, 2]]), new Map([[{ a: 1 }, 2]])],
  ["sets of objects", new Set([{ a: 1 }, { b: 2 }]), new Set([{ b: 2 }, { a: 1 }])],
  ["dates", new Date(5), new Date(5)],
  ["regular expressions", /a/g, /a/g],
  ["a record without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ["cycles", cycle(), cycle()],
  ["equal objects of a class", new Point(1), new Point(1)],
];

const different: [string, unknown, unknown][] = [
  ["a number and its text", 1, "1"],
  ["a missing and an undefined key", {}, { a: undefined }],
  ["two keys that are undefined", { a: undefined }, { b: undefined }],
  ["typed arrays of two kinds", Float32Array.of(1), Float64Array.of(1)],
  ["a list and a typed array", [1], Float32Array.of(1)],
  ["shared buffers", new SharedArrayBuffer(1), new SharedArrayBuffer(2)],
  ["sets", new Set([1, 2]), new Set([1, 3])],
  ["maps", new Map([["a", 1]]), new Map([["a", 2]])],
  ["dates", new Date(5), new Date(6)],
  ["expressions with other flags", /a/g, /a/i],
  ["classes", new Point(1), { x: 1 }],
  ["objects of a class", new Point(1), new Point(2)],
  ["null and an object", null, {}],
  ["a function and its copy", () => 1, () => 1],
];

Deno.test("values with the same contents are equal", () => {
  for (const [what, a, b] of same) {
    assertEquals(a, b, what);
    assertEquals(b, a, what);
    rejects(() => claims.assertNotEquals(a, b));
  }
});

Deno.test("values with different contents are not equal", () => {
  for (const [what, a, b] of different) {
    claims.assertNotEquals(a, b, what);
    claims.assertNotEquals(b, a, what);
    rejects(() => assertEquals(a, b));
  }
});

Deno.test("a failing assertEquals shows its message and both values", () => {
  const error = assertThrows(() => assertEquals([1, 2, 3], [1, 5, 3], "here"), AssertionError);
  claims.assertMatch(error.message, /Values are not equal: here/);
  claims.assertMatch(error.message, /-.*2,[^]*\+.*5,/);
});

Deno.test("strict equality is Object.is", () => {
  const object = {};
  claims.assertStrictEquals(object, object);
  claims.assertStrictEquals(NaN, NaN);
  claims.assertNotStrictEquals(0, -0);
  rejects(() => claims.assertStrictEquals(0, -0));
  rejects(() => claims.assertStrictEquals({}, {}));
  rejects(() => claims.assertNotStrictEquals(1, 1));
});

Deno.test("almost equal means 1e-7 of the expected value, or the given tolerance", () => {
  claims.assertAlmostEquals(1 + 0.9e-7, 1);
  claims.assertAlmostEquals(1000.00009, 1000);
  claims.assertAlmostEquals(0.1, 0.2, 0.11);
  claims.assertAlmostEquals(NaN, NaN);
  claims.assertAlmostEquals(Infinity, Infinity);
  rejects(() => claims.assertAlmostEquals(1 + 1.1e-7, 1));
  rejects(() => claims.assertAlmostEquals(1e-9, 0));
  rejects(() => claims.assertAlmostEquals(NaN, 1, 10));
  rejects(() => claims.assertAlmostEquals(1, Infinity, 10));
});

Deno.test("order is that of the language, and NaN is never in order", () => {
  claims.assertGreater(2, 1);
  claims.assertGreaterOrEqual(2, 2);
  claims.assertLess("a", "b");
  claims.assertLessOrEqual(2, 2);
  rejects(() => claims.assertGreater(1, 1));
  rejects(() => claims.assertLess(1, 1));
  rejects(() => claims.assertGreaterOrEqual(NaN, 1));
  rejects(() => claims.assertLessOrEqual(NaN, 1));
});

Deno.test("presence: truth, existence, class", () => {
  claims.assert("x");
  claims.assertFalse(0);
  claims.assertExists(0);
  claims.assertInstanceOf(new RangeError("x"), Error);
  rejects(() => claims.assert(""));
  rejects(() => claims.assertFalse("x"));
  rejects(() => claims.assertExists(null));
  rejects(() => claims.assertExists(undefined));
  rejects(() => claims.assertInstanceOf(null, Error));
  rejects(() => claims.assertInstanceOf({}, Map));
  rejects(() => claims.fail("always"));
  rejects(() => claims.unreachable());
});

Deno.test("contents: texts, lists, parts of records", () => {
  claims.assertStringIncludes("masked language model", "language");
  claims.assertMatch("step 12", /\d+/);
  claims.assertNotMatch("step", /\d/);
  claims.assertArrayIncludes([1, { a: 2 }, 3], [{ a: 2 }, 1]);
  claims.assertArrayIncludes(Uint8Array.of(1, 2), [2]);
  claims.assertObjectMatch({ a: 1, b: { c: [{ d: 1, e: 2 }], f: 3 } }, { b: { c: [{ d: 1 }] } });
  rejects(() => claims.assertStringIncludes("a", "b"));
  rejects(() => claims.assertMatch("step", /\d/));
  rejects(() => claims.assertNotMatch("1", /\d/));
  rejects(() => claims.assertArrayIncludes([1], [2]));
  rejects(() => claims.assertObjectMatch({ a: 1 }, { a: 2 }));
  rejects(() => claims.assertObjectMatch({ a: { b: 1 } }, { a: { c: 1 } }));
  rejects(() => claims.assertObjectMatch({ a: [1] }, { a: [1, 2] }));
});

Deno.test("assertThrows returns the error, and checks its class and message", () => {
  const raise = () => {
    throw new RangeError("axis T has 4 items");
  };
  assertEquals(assertThrows(raise, RangeError, "axis T").message, "axis T has 4 items");
  assertThrows(raise, Error);
  assertEquals(
    assertThrows(() => {
      throw "a text";
    }),
    "a text",
  );
  rejects(() => assertThrows(() => 1));
  rejects(() => assertThrows(raise, TypeError));
  rejects(() => assertThrows(raise, RangeError, "axis B"));
  rejects(() =>
    assertThrows(() => {
      throw "a text";
    }, Error)
  );
});

Deno.test("assertRejects wants a promise that rejects", async () => {
  const reject = () => Promise.reject(new RangeError("axis T has 4 items"));
  const failing: (() => Promise<unknown>)[] = [
    () => assertRejects(() => Promise.resolve(1)),
    () => assertRejects(reject, TypeError),
    () => assertRejects(reject, RangeError, "axis B"),
    () => assertRejects(() => Promise.reject("a text"), Error),
    () =>
      assertRejects(() => {
        throw new RangeError("before there is a promise");
      }),
  ];
  assertEquals((await assertRejects(reject, RangeError, "axis T")).message, "axis T has 4 items");
  assertEquals(await assertRejects(() => Promise.reject("a text")), "a text");
  for (const check of failing) await assertRejects(check, AssertionError);
});

Deno.test("parseArgs without declarations guesses", () => {
  assertEquals(
    parseArgs(["--a", "--b=c", "--n", "3", "-x", "-n5", "file", "7", "--", "--q", "8"]),
    {
      a: true,
      b: "c",
      n: 5,
      x: true,
      _: ["file", 7, "--q", "8"],
    },
  );
  assertEquals(parseArgs(["-abc", "4", "--d.e", "5", "-", ""]), {
    a: true,
    b: true,
    c: 4,
    d: { e: 5 },
    _: ["-", ""],
  });
});

Deno.test("parseArgs keeps to what is declared", () => {
  const options = {
    string: ["model", "seed"],
    boolean: ["json", "cache", "help"],
    collect: ["layer", "tag"],
    negatable: ["cache"],
    alias: { help: "h", model: ["m"] },
    default: { steps: 10, seed: "1", cache: true },
  } as const;
  const read = (line: string) => parseArgs(line.split(" ").filter(Boolean), options as never);
  const rest = { json: false, help: false, h: false, layer: undefined, tag: undefined };
  for (
    const [line, expected] of [
      ["", { steps: 10, seed: "1", cache: true }],
      ["--seed 007", { steps: 10, seed: "007", cache: true }],
      ["-m bert", { steps: 10, seed: "1", cache: true, m: "bert", model: "bert" }],
      ["--no-cache --json=false", { steps: 10, seed: "1", cache: false }],
      ["--json true run", { steps: 10, seed: "1", cache: true, json: true, _: ["run"] }],
      ["--json run", { steps: 10, seed: "1", cache: true, json: true, _: ["run"] }],
      ["-h", { steps: 10, seed: "1", cache: true, help: true, h: true }],
      ["--model --steps=-3e-4", { steps: -3e-4, seed: "1", cache: true, model: "", m: "" }],
      ["--no-json", { steps: 10, seed: "1", cache: true, "no-json": true }],
      ["--layer 1 --layer 2 --tag a", {
        steps: 10,
        seed: "1",
        cache: true,
        layer: [1, 2],
        tag: ["a"],
      }],
    ] as [string, Record<string, unknown>][]
  ) {
    const wanted = { _: [], ...rest, ...expected };
    const found = { ...rest, ...read(line) };
    assertEquals(found, wanted, line);
  }
});

Deno.test("parseArgs reports what is unknown, stops early, and keeps what follows the dashes", () => {
  const unknown: string[] = [];
  const args = parseArgs(["--known", "1", "--typo", "2", "file", "--", "x"], {
    string: ["known"],
    "--": true,
    unknown: (arg) => {
      unknown.push(arg);
      return !arg.startsWith("-");
    },
  });
  assertEquals(args, { known: "1", _: ["file"], "--": ["x"] });
  assertEquals(unknown, ["--typo", "file"]);
  assertEquals(parseArgs(["run", "--json"], { stopEarly: true, boolean: ["json"] }), {
    _: ["run", "--json"],
    json: false,
  });
});

Deno.test("parseArgs gives each declared option its type", () => {
  const args = parseArgs(["--name=x"], {
    string: ["name", "seed"],
    boolean: ["json"],
    collect: ["seed"],
    default: { port: 1, name: "bert" },
  });
  const name: string = args.name;
  const json: boolean = args.json;
  const seeds: string[] = args.seed;
  const port: number = args.port as number;
  assertEquals([name, json, seeds, port], ["x", false, [], 1]);
});

const order: string[] = [];

describe("a described group", () => {
  beforeEach(() => void order.push("before"));
  afterEach(() => void order.push("after"));

  it("runs its hooks around a test", () => assertEquals(order, ["before"]));

  describe("with a group inside", () => {
    beforeEach(() => void order.push("inner before"));

    it("runs outer hooks first", () => {
      assertEquals(order, ["before", "after", "before", "inner before"]);
    });
  });

  it("runs hooks after the inner group", () => {
    assertEquals(order.at(-2), "after");
  });

  it.skip("does not run what is skipped", () => claims.fail());
});
