import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Database } from '../database/port.ts';

/** A version of a PBX's configuration. */
export interface KeptVersion {
  readonly pbx: string;
  readonly version: string;
  /** Without its secrets. Asked for only when it has to be written. */
  readonly document: () => unknown;
}

/** Versions of the configuration in the database, for as long as there are calls that used them. Rejects with `DatabaseDownError` while that is away. */
export class VersionStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Keeps a version, or notes that it is still in force. @returns whether it is new */
  async keep({ pbx, version, document }: KeptVersion, now: Date): Promise<boolean> {
    const seen = 'update config_versions set last_seen = $3 where pbx = $1 and version = $2 returning 1';
    if ((await this.#database.query(seen, [pbx, version, now])).length > 0) return false;
    const packed = (await pack(JSON.stringify(document()))).toString('base64');
    // Another node may keep it at the same moment.
    const added = await this.#database.query(
      `insert into config_versions (pbx, version, first_seen, last_seen, document) values ($1, $2, $3, $3, $4)
       on conflict do nothing returning 1`,
      [pbx, version, now, packed],
    );
    return added.length > 0;
  }

  async get(pbx: string, version: string): Promise<Record<string, unknown> | undefined> {
    const [row] = await this.#database.query('select document from config_versions where pbx = $1 and version = $2', [
      pbx,
      version,
    ]);
    if (!row) return undefined;
    return JSON.parse((await unpack(Buffer.from(String(row[0]), 'base64'))).toString('utf8'));
  }

  /** Drops the versions that no call has used and that no node has had in force since. @returns how many */
  async prune(pbx: string, since: Date): Promise<number> {
    const gone = await this.#database.query(
      `delete from config_versions v where pbx = $1 and last_seen < $2 and not exists
         (select 1 from calls c where c.pbx = v.pbx and c.record->>'configVersion' = v.version)
       returning 1`,
      [pbx, since],
    );
    return gone.length;
  }
}

const pack = promisify(gzip);
const unpack = promisify(gunzip);
