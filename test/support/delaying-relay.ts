import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Random } from '../../src/time/random.ts';

/** The way of RTP between two parties through a network that delays some packets, so that later ones overtake them. */
export class DelayingRelay {
  /** How many packets went through, and how many of them late. */
  readonly passed = { all: 0, late: 0 };
  readonly #sockets: readonly [Socket, Socket];
  readonly #timers = new Set<NodeJS.Timeout>();

  /**
   * @param parties where each of the two receives
   * @param options.share of the packets that are delayed, 0 to 1
   */
  static async open(
    parties: readonly [{ readonly port: number }, { readonly port: number }],
    options: { readonly share: number; readonly ms: number; readonly random: Random },
  ): Promise<DelayingRelay> {
    const sockets = [createSocket('udp4'), createSocket('udp4')] as const;
    for (const socket of sockets) {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
    return new DelayingRelay(sockets, parties, options);
  }

  private constructor(
    sockets: readonly [Socket, Socket],
    parties: readonly [{ readonly port: number }, { readonly port: number }],
    { share, ms, random }: { readonly share: number; readonly ms: number; readonly random: Random },
  ) {
    this.#sockets = sockets;
    const carry = (from: Socket, through: Socket, to: { readonly port: number }) =>
      from.on('message', (bytes) => {
        const send = () => through.send(bytes, to.port, '127.0.0.1');
        this.passed.all++;
        if (random.next() >= share) return send();
        this.passed.late++;
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          send();
        }, ms);
        this.#timers.add(timer);
      });
    carry(sockets[0], sockets[1], parties[1]);
    carry(sockets[1], sockets[0], parties[0]);
  }

  /** Where the first and the second of the parties must send to reach the other. */
  get ports(): readonly [number, number] {
    return [this.#sockets[0].address().port, this.#sockets[1].address().port];
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }
}
