// One task for one agent: a model writes code for it, the code runs in a sandbox, and errors go back to the model
// until the code works.
import { Mesh, openModel } from "fettle";
import { calculator } from "./agents.ts";

// The provider that .env configures; with none, the answers in answers.json are played back.
const { model, source } = openModel({ fallback: new URL("answers.json", import.meta.url) });
if (source === "recorded") {
  console.log(
    "No model provider is configured: playing back answers.json. With a key in .env, a model is asked.",
  );
}

const mesh = new Mesh({ model }).add(calculator);
await mesh.start();
try {
  const result = await mesh.execute("calculator", "Calculate the factorial of 10");
  console.log(`status:  ${result.status}`);
  console.log("output: ", result.output);
  console.log(`repairs: ${result.repairs}`);
  console.log(`code:\n${result.code ?? "(none)"}`);
  if (result.error !== null) {
    console.error(`${result.error.name}: ${result.error.message}`);
    process.exitCode = 1;
  }
} finally {
  await mesh.stop();
}
