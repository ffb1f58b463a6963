/**
 * Stand-in for `jsr:@std/testing/bdd`, for machines that cannot reach JSR: a group is one
 * `Deno.test`, what stands in it are its steps.
 *
 * @module
 */

/** The body of a test. */
export type TestBody = (context: Deno.TestContext) => void | Promise<void>;
/** What runs around tests. */
export type Hook = () => void | Promise<void>;

interface Step {
  name: string;
  ignore: boolean;
  body: TestBody;
}

class Group {
  steps: (Step | Group)[] = [];
  hooks = {
    beforeAll: [] as Hook[],
    beforeEach: [] as Hook[],
    afterEach: [] as Hook[],
    afterAll: [] as Hook[],
  };
  constructor(readonly name: string, readonly ignore: boolean) {}
}

let current: Group | undefined;

async function runGroup(group: Group, context: Deno.TestContext, outer: Group[]): Promise<void> {
  const groups = [...outer, group];
  for (const hook of group.hooks.beforeAll) await hook();
  try {
    for (const step of group.steps) {
      await context.step({
        name: step.name,
        ignore: step.ignore,
        fn: (inner) =>
          step instanceof Group ? runGroup(step, inner, groups) : runStep(step, inner, groups),
      });
    }
  } finally {
    for (const hook of group.hooks.afterAll) await hook();
  }
}

async function runStep(step: Step, context: Deno.TestContext, groups: Group[]): Promise<void> {
  for (const hook of groups.flatMap((group) => group.hooks.beforeEach)) await hook();
  try {
    await step.body(context);
  } finally {
    for (const hook of groups.toReversed().flatMap((group) => group.hooks.afterEach)) await hook();
  }
}

function addGroup(name: string, ignore: boolean, body: () => void): void {
  const parent = current;
  const group = current = new Group(name, ignore);
  try {
    body();
  } finally {
    current = parent;
  }
  if (parent) parent.steps.push(group);
  else Deno.test({ name, ignore, fn: (context) => runGroup(group, context, []) });
}

function addStep(name: string, ignore: boolean, body: TestBody): void {
  if (current) current.steps.push({ name, ignore, body });
  else Deno.test({ name, ignore, fn: body });
}

function addHook(kind: keyof Group["hooks"], hook: Hook): void {
  if (!current) throw new Error(`${kind}() stands outside of describe(): move it inside`);
  current.hooks[kind].push(hook);
}

/** A group of tests. */
export function describe(name: string, fn: () => void): void {
  addGroup(name, false, fn);
}
/** A group that is not run. */
describe.ignore = (name: string, fn: () => void): void => addGroup(name, true, fn);
/** A group that is not run. */
describe.skip = describe.ignore;

/** One test. */
export function it(name: string, fn: TestBody): void {
  addStep(name, false, fn);
}
/** A test that is not run. */
it.ignore = (name: string, fn: TestBody): void => addStep(name, true, fn);
/** A test that is not run. */
it.skip = it.ignore;

/** Runs once, before the tests of the group. */
export function beforeAll(fn: Hook): void {
  addHook("beforeAll", fn);
}
/** Runs before every test of the group, outermost group first. */
export function beforeEach(fn: Hook): void {
  addHook("beforeEach", fn);
}
/** Runs after every test of the group, innermost group first. */
export function afterEach(fn: Hook): void {
  addHook("afterEach", fn);
}
/** Runs once, after the tests of the group. */
export function afterAll(fn: Hook): void {
  addHook("afterAll", fn);
}
