import { readFileSync } from 'node:fs';
import {
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type SecureContextOptions,
  type Server,
} from 'node:tls';
import { errorText, UserError } from '../../../errors.ts';
import type { Clock, TimerId } from '../../../time/clock.ts';
import type { ListenerLimits } from './listener.ts';

/** PEM files. */
export interface TlsFiles {
  /** Our certificate, with those between it and the authority behind it. */
  readonly cert: string;
  readonly key: string;
  /** Authorities that peers' certificates may come from, besides those that the system trusts; also a certificate that a peer has signed himself. */
  readonly ca?: string;
}

/** For a server the options, for what we connect to the context that is made of them: each takes only its own form. */
export interface Secured {
  readonly options: SecureContextOptions;
  readonly secureContext: SecureContext;
}

/** Certificates last for months at the most, phones' connections for longer: nobody restarts a node for a renewal. */
const LOOK_MS = 30_000;

/**
 * The certificates of a listener. Files that have changed are taken into use when they have stood still from one look to the next: certificate and key are not written in
 * one instant. Connections that are open keep what they began with. Files that cannot be used are told once, and the former stay.
 */
export class TlsCertificates {
  readonly #files: TlsFiles;
  readonly #clock: Clock;
  readonly #warn: (message: string) => void;
  #current: Secured;
  /** What the files say that was used last, or found useless. */
  #judged: string;
  /** What they said at the last look. */
  #seen: string;
  #timer: TimerId;

  /** @throws UserError `sip-tls` */
  constructor(files: TlsFiles, clock: Clock, warn: (message: string) => void) {
    this.#files = files;
    this.#clock = clock;
    this.#warn = warn;
    const read = readAll(files);
    this.#current = secured(read);
    this.#judged = this.#seen = JSON.stringify(read);
  }

  get current(): Secured {
    return this.#current;
  }

  /** For a server whose handshakes may take as long as a first message. */
  serverOptions({ messageMs }: Pick<ListenerLimits, 'messageMs'>): SecureContextOptions & { handshakeTimeout: number } {
    return { ...this.#current.options, handshakeTimeout: messageMs };
  }

  /** Gives a server renewed certificates while it listens. */
  keepFresh(server: Server): void {
    server.once('listening', () => this.#watch((options) => server.setSecureContext(options)));
    server.once('close', () => this.#clock.clearTimeout(this.#timer));
  }

  #watch(renewed: (options: SecureContextOptions) => void): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#look(renewed);
      this.#watch(renewed);
    }, LOOK_MS);
  }

  #look(renewed: (options: SecureContextOptions) => void): void {
    const before = this.#seen;
    let read: Pem | UserError;
    try {
      read = readAll(this.#files);
    } catch (error) {
      read = error as UserError;
    }
    this.#seen = read instanceof UserError ? read.message : JSON.stringify(read);
    if (this.#seen !== before || this.#seen === this.#judged) return;
    this.#judged = this.#seen;
    try {
      if (read instanceof UserError) throw read;
      this.#current = secured(read);
      renewed(this.#current.options);
    } catch (error) {
      this.#warn(`The certificate files have changed, the former certificate stays in use. ${errorText(error)}`);
    }
  }
}

interface Pem {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
}

const readAll = ({ cert, key, ca }: TlsFiles): Pem => ({
  cert: read('SIP_TLS_CERT', cert),
  key: read('SIP_TLS_KEY', key),
  ca: ca === undefined ? undefined : read('SIP_TLS_CA', ca),
});

function secured({ cert, key, ca }: Pem): Secured {
  const own = ca === undefined ? [] : [ca];
  const options: SecureContextOptions = {
    ...{ cert, key, minVersion: 'TLSv1.2', ca: [...getCACertificates('system'), ...own] },
  };
  try {
    return { options, secureContext: createSecureContext(options) };
  } catch (error) {
    throw new UserError(
      'sip-tls',
      `SIP over TLS cannot be served: ${errorText(error)}`,
      'SIP_TLS_CERT must be a certificate in PEM form, SIP_TLS_KEY the key that belongs to it, without a password; SIP_TLS_CA certificates of authorities.',
      { cause: error },
    );
  }
}

function read(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(
      'sip-tls',
      `${variable} cannot be read: ${errorText(error)}`,
      'Name a PEM file that the engine may read.',
      {
        cause: error,
      },
    );
  }
}
