import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** A UDP datagram as the kernel saw it. */
export interface Datagram {
  /** When, ms of the system's clock. */
  readonly at: number;
  /** Ports. */
  readonly from: number;
  readonly to: number;
  /** Its beginning. */
  readonly text: string;
}

/** Enough for the header fields that tell one SIP message from another. */
const HEAD_BYTES = 600;
/** pcap-savefile(5): the byte order of whoever wrote it, and times in nanoseconds. */
const NANOSECONDS_LITTLE_ENDIAN = 0xa1b23c4d;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const ETHERNET_BYTES = 14;
const UDP_HEADER_BYTES = 8;

/**
 * What goes over the loopback interface, with the kernel's times: a process that looks at the clock when it comes to read a message has its own lateness in the time,
 * which on a busy machine is milliseconds.
 */
export class Wire implements AsyncDisposable {
  readonly #tcpdump: ChildProcessByStdio<null, Readable, Readable>;
  /** A datagram to here is the last that is listened for: tcpdump comes to what it has heard up to a second later, and forgets it when it is stopped before. */
  readonly #mark: Socket;
  readonly #chunks: Buffer[] = [];
  readonly #closed: Promise<unknown>;
  #words = '';

  /**
   * @param filter pcap-filter(7)
   * @throws Error without tcpdump, or without the right to listen
   */
  static async listen(filter: string): Promise<Wire> {
    const mark = createSocket('udp4').bind(0, '127.0.0.1');
    await once(mark, 'listening');
    const wire = new Wire(filter, mark);
    try {
      await wire.#listens();
    } catch (error) {
      mark.close();
      throw error;
    }
    return wire;
  }

  private constructor(filter: string, mark: Socket) {
    this.#mark = mark;
    const how = ['-i', 'lo', '-n', '-s', String(HEAD_BYTES), '-B', '16384', '--time-stamp-precision=nano'];
    const what = `(${filter}) or (udp and dst port ${mark.address().port})`;
    this.#tcpdump = spawn('tcpdump', [...how, '-U', '-w', '-', what], { stdio: ['ignore', 'pipe', 'pipe'] });
    // Not `exit`: what it says at its end is to be read too.
    this.#closed = once(this.#tcpdump, 'close');
    this.#tcpdump.stdout.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
  }

  async #listens(): Promise<void> {
    const listening = new Promise<void>((resolve) => {
      createInterface(this.#tcpdump.stderr).on('line', (line) => {
        this.#words += `${line}\n`;
        if (line.includes('listening on')) resolve();
      });
    });
    const ended = this.#closed.then(
      () => {
        throw new Error(
          `tcpdump could not listen at the loopback interface. Run as root, or allow it: sudo setcap cap_net_raw+ep "$(command -v tcpdump)"\n${this.#words}`,
        );
      },
      (error) => {
        throw new Error('tcpdump could not be started: scripts/setup.sh --test installs it', { cause: error });
      },
    );
    // It ends some day, and then nobody waits for this any more.
    ended.catch(() => undefined);
    await Promise.race([listening, ended]);
  }

  /** Listens no longer. @returns what has gone by until now, in its order @throws Error when the kernel had to drop some of it */
  async end(): Promise<Datagram[]> {
    const { port } = this.#mark.address();
    this.#mark.send('', port, '127.0.0.1');
    for (;;) {
      const heard = datagrams(Buffer.concat(this.#chunks));
      if (heard.at(-1)?.to === port) {
        await this[Symbol.asyncDispose]();
        if (!/^0 packets dropped by kernel/m.test(this.#words))
          throw new Error(`tcpdump did not hear everything:\n${this.#words}`);
        return heard.slice(0, -1);
      }
      await once(this.#tcpdump.stdout, 'data');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#tcpdump.exitCode === null && this.#tcpdump.signalCode === null) {
      this.#mark.close();
      this.#tcpdump.kill('SIGINT');
    }
    await this.#closed;
  }
}

/** @param pcap a file, or as much of one as has come so far */
function datagrams(pcap: Buffer): Datagram[] {
  const found: Datagram[] = [];
  if (pcap.length < FILE_HEADER_BYTES) return found;
  if (pcap.readUInt32LE(0) !== NANOSECONDS_LITTLE_ENDIAN)
    throw new Error('a pcap file of another kind than was asked for');
  for (let at = FILE_HEADER_BYTES; at + RECORD_HEADER_BYTES <= pcap.length; ) {
    const ms = pcap.readUInt32LE(at) * 1e3 + pcap.readUInt32LE(at + 4) / 1e6;
    const length = pcap.readUInt32LE(at + 8);
    const ip = at + RECORD_HEADER_BYTES + ETHERNET_BYTES;
    at += RECORD_HEADER_BYTES + length;
    if (at > pcap.length) break;
    // The lower half of the first byte of IPv4 is the length of its header in words.
    const udp = ip + ((pcap[ip] ?? 0) & 15) * 4;
    found.push({
      at: ms,
      from: pcap.readUInt16BE(udp),
      to: pcap.readUInt16BE(udp + 2),
      text: pcap.toString('latin1', udp + UDP_HEADER_BYTES, at),
    });
  }
  return found;
}
