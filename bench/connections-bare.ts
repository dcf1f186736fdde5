import { createServer } from "node:net";
import { Aedes } from "aedes";

/** The floor of `connections.ts`: the broker library alone, each connection with its socket and nothing else. */
const broker = await Aedes.createBroker({});
const server = createServer(broker.handle);
server.listen(0, "127.0.0.1", 4096, () => console.log(`mqtt=${JSON.stringify(server.address())}`));
