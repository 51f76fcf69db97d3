// isolated-vm: a V8 isolate for each run. A native addon: absent where it does not build.
import ivm from "isolated-vm";

export async function open() {
  return {
    run: async () => {
      const isolate = new ivm.Isolate({ memoryLimit: 64 });
      try {
        const context = await isolate.createContext();
        return await context.eval("1 + 1");
      } finally {
        isolate.dispose();
      }
    },
    callTool: async (count) => {
      const isolate = new ivm.Isolate({ memoryLimit: 64 });
      const moments = [];
      try {
        const context = await isolate.createContext();
        await context.global.set("call", new ivm.Reference(async () => void moments.push(performance.now())));
        await context.evalClosure(
          `return (async () => {
             for (let i = 0; i < ${count}; i += 1) await call.apply(undefined, [], { result: { promise: true } });
           })()`,
          [],
          { result: { promise: true } },
        );
        return moments;
      } finally {
        isolate.dispose();
      }
    },
    close: async () => undefined,
  };
}
