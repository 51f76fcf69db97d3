// The model of the examples: the provider that the environment or .env configures, else played-back answers.
import { openModel, type Model } from "fettle";

/** Opens the model, and says in one line when answers are played back. */
export function exampleModel(answers: URL): { model: Model; live: boolean } {
  const { model, source } = openModel({ fallback: answers });
  if (source === "recorded") console.log("No model provider is configured: playing back recorded answers.");
  return { model, live: source === "provider" };
}
