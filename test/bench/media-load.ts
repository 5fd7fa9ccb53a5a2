import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { writeHeader } from '../../src/embedded/media/rtp/packet.ts';
import { setThreadPriority } from '../../src/thread-priority.ts';

/**
 * The phones of the media bench, in a process of their own so that their processor time is not counted: each sends a G.711 packet every
 * 20 ms and receives what the server relays to it. Spoken to by process messages.
 */
export type ToLoad =
  | { readonly do: 'open'; readonly phones: number }
  /** Phone i sends to `ports[i]`. */
  | { readonly do: 'talk'; readonly ports: readonly number[]; readonly seconds: number }
  | { readonly do: 'end' };

export type FromLoad =
  | { readonly did: 'open'; readonly ports: readonly number[] }
  | { readonly did: 'talk'; readonly figures: LoadFigures };

export interface LoadFigures {
  readonly sent: number;
  readonly received: number;
  /** From a phone's send call to the other phone's receive callback, milliseconds. */
  readonly transitMs: Quantiles;
  /** How far the distance of two packets differs at the receiver from what it was at the sender, milliseconds. */
  readonly pacingErrorMs: Quantiles;
  readonly cpuSeconds: number;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const FRAME_MS = 20;
const PACKET = 172;
/** After the last packet: what is still on its way may arrive. */
const DRAIN_MS = 500;

class Phone {
  readonly socket: Socket;
  received = 0;
  /** It has an address to talk to. */
  talks = false;
  readonly #packet = Buffer.alloc(PACKET, 0xd5);
  readonly #transits: number[];
  readonly #errors: number[];
  #sequence = 0;
  #lastTransit: number | undefined;

  constructor(socket: Socket, transits: number[], errors: number[]) {
    this.socket = socket;
    this.#transits = transits;
    this.#errors = errors;
    socket.on('message', (bytes) => this.#receive(bytes));
  }

  send(ssrc: number): void {
    writeHeader(this.#packet, 0, false, 8, this.#sequence, this.#sequence * 160, ssrc);
    this.#sequence++;
    this.#packet.writeDoubleBE(performance.now(), 12);
    this.socket.send(this.#packet);
  }

  /** The time of sending travels in the first samples: phones of one process have one clock. */
  #receive(bytes: Buffer): void {
    if (bytes.length !== PACKET) return;
    this.received++;
    const transit = performance.now() - bytes.readDoubleBE(12);
    this.#transits.push(transit);
    if (this.#lastTransit !== undefined) this.#errors.push(Math.abs(transit - this.#lastTransit));
    this.#lastTransit = transit;
  }
}

async function openAt(port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function freePort(): Promise<number> {
  const socket = await openAt(0);
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

async function openPhones(count: number, transits: number[], errors: number[]): Promise<Phone[]> {
  const phones: Phone[] = [];
  for (let i = 0; i < count; i++) {
    // By its number: a port that the system has chosen is lost when a socket is sent elsewhere.
    const socket = await openAt(await freePort());
    phones.push(new Phone(socket, transits, errors));
  }
  return phones;
}

/** Phones take turns within the 20 ms, as independent phones would. */
async function talk(phones: readonly Phone[], ports: readonly number[], seconds: number): Promise<number> {
  for (const [i, phone] of phones.entries()) {
    const { socket } = phone;
    if (phone.talks) socket.disconnect();
    phone.talks = true;
    socket.connect(ports[i] ?? 0, '127.0.0.1');
    await once(socket, 'connect');
  }
  const slots = Array.from({ length: FRAME_MS }, (_, slot) => phones.filter((_phone, i) => i % FRAME_MS === slot));
  const begun = performance.now();
  let sent = 0;
  return new Promise((resolve) => {
    let slot = 0;
    const turn = () => {
      for (; begun + slot <= performance.now() && slot < seconds * 1000; slot++) {
        for (const phone of slots[slot % FRAME_MS] ?? []) {
          phone.send(phones.indexOf(phone) + 1);
          sent++;
        }
      }
      if (slot < seconds * 1000) setTimeout(turn, 1);
      else setTimeout(() => resolve(sent), DRAIN_MS);
    };
    turn();
  });
}

function quantiles(values: number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

const transits: number[] = [];
const errors: number[] = [];
let phones: Phone[] = [];
const tell = (message: FromLoad) => process.send?.(message);

// What is measured is the server: the phones must not be what is late.
setThreadPriority('audio');

process.on('message', async (message: ToLoad) => {
  if (message.do === 'open') {
    phones = await openPhones(message.phones, transits, errors);
    tell({ did: 'open', ports: phones.map(({ socket }) => socket.address().port) });
  } else if (message.do === 'talk') {
    for (const phone of phones) phone.received = 0;
    transits.length = 0;
    errors.length = 0;
    const cpu = process.cpuUsage();
    const sent = await talk(phones, message.ports, message.seconds);
    const { user, system } = process.cpuUsage(cpu);
    tell({
      did: 'talk',
      figures: {
        sent,
        received: phones.reduce((sum, phone) => sum + phone.received, 0),
        transitMs: quantiles(transits),
        pacingErrorMs: quantiles(errors),
        cpuSeconds: (user + system) / 1e6,
      },
    });
  } else {
    process.disconnect();
    for (const { socket } of phones) socket.close();
  }
});
