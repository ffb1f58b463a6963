/** `deno doc --lint` for every module that the package exports. */
const config = await Deno.readTextFile(new URL("../deno.json", import.meta.url));
const modules = Object.values<string>(JSON.parse(config).exports);
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", ...modules],
}).spawn().status;
Deno.exit(code);
