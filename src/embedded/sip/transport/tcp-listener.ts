import { connect, createServer } from 'node:net';
import type { ListenAddress } from './listen-address.ts';
import type { Listener, ListenerContext } from './listener.ts';
import { StreamFramer } from './stream-framer.ts';
import { openStreams, type StreamMaker } from './stream-listener.ts';

const TCP: StreamMaker = {
  framing: ({ bodyBytes }) => new StreamFramer(bodyBytes),
  createServer: (accept) => createServer({ allowHalfOpen: true }, accept),
  outgoing: {
    established: 'connect',
    connect: ({ address, port }, from) =>
      connect({ host: address, port, allowHalfOpen: true, ...(from === undefined ? {} : { localAddress: from }) }),
  },
};

/** Opens a TCP server. @throws UserError */
export const openTcp = (at: ListenAddress, context: ListenerContext): Promise<Listener> =>
  openStreams(at, context, TCP);
