import { Command } from "commander";
export function smoketestCommand(): Command {
  return new Command("smoketest");
}
