import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from './temp.ts';

const run = promisify(execFile);

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** An authority of certificates that are valid for a day. All files are PEM. */
export class CertificateAuthority implements AsyncDisposable {
  readonly #folder: { readonly path: string } & AsyncDisposable;

  private constructor(folder: { readonly path: string } & AsyncDisposable) {
    this.#folder = folder;
  }

  static async create(): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(await temporaryFolder('certificates'));
    await authority.#make('authority', []);
    return authority;
  }

  /** Its own certificate. */
  get file(): string {
    return join(this.#folder.path, 'authority.pem');
  }

  /** @param names as OpenSSL writes them: `IP:127.0.0.1`, `DNS:example.test` */
  async issue(file: string, names: readonly string[]): Promise<CertificateFiles> {
    const { path } = this.#folder;
    const signed = ['-CA', this.file, '-CAkey', join(path, 'authority.key')];
    await this.#make(file, [...signed, '-addext', `subjectAltName=${names.join(',')}`]);
    return { cert: join(path, `${file}.pem`), key: join(path, `${file}.key`) };
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#folder[Symbol.asyncDispose]();
  }

  async #make(file: string, options: readonly string[]): Promise<void> {
    const { path } = this.#folder;
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...['-subj', `/CN=${file}`, '-keyout', join(path, `${file}.key`), '-out', join(path, `${file}.pem`)],
      ...options,
    ]);
  }
}

/** By which Chromium knows a key: SHA-256 of its SubjectPublicKeyInfo, in base64. */
export async function keyHash(certificate: string): Promise<string> {
  const { publicKey } = new X509Certificate(await readFile(certificate));
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}
