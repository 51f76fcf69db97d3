// Keeps a socket of the library from ending the process. While a connection is made and when it ends, the library
// (nats 2.29) leaves its socket without a listener for errors between two of its steps; a server that resets the
// connection in that moment would be an uncaught error. Seen on Deno, with a server that was stopped.
// Invariant: only errors that nobody listens to are passed over: the attempt then ends by its time limit, and is made again.
import { createConnection, type Socket } from "node:net";
import { NodeTransport } from "nats/lib/src/node_transport.js";

let isGuarded = false;

/** Has every socket of the library guarded from now on. */
export function guardSockets(): void {
  if (isGuarded) return;
  isGuarded = true;
  const library = NodeTransport.prototype;
  const startTls = Reflect.get(library, "startTLS");
  const tlsFirst = Reflect.get(library, "tlsFirst");
  library.dial = dial;
  library.startTLS = async function (this: NodeTransport) {
    return guard(await startTls.call(this));
  };
  library.tlsFirst = async function (this: NodeTransport, place) {
    return guard(await tlsFirst.call(this, place));
  };
}

/** Connects as the library does, with a socket that is guarded from its first moment. */
function dial({ hostname, port }: { readonly hostname: string; readonly port: number }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let fault = new Error("the connection was closed before it was made");
    const socket = guard(createConnection(port, hostname));
    socket.setNoDelay(true);
    socket.once("connect", () => {
      socket.removeAllListeners();
      resolve(socket);
    });
    socket.once("error", (error) => (fault = error));
    socket.once("close", () => reject(fault));
  });
}

function guard<S extends Socket>(socket: S): S {
  const ignore = (): void => undefined;
  const removeAllListeners = socket.removeAllListeners.bind(socket);
  socket.removeAllListeners = (...event) => {
    removeAllListeners(...event);
    return guarded();
  };
  const guarded = (): S => (socket.listeners("error").includes(ignore) ? socket : socket.on("error", ignore));
  return guarded();
}
