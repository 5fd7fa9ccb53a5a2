import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redacted } from '../../src/config/redact.ts';
import { type Database, DatabaseDownError } from '../../src/database/port.ts';
import { HistoryStore } from '../../src/history/index.ts';
import { VersionKeeper } from '../../src/history/version-keeper.ts';
import { type KeptVersion, VersionStore } from '../../src/history/version-store.ts';
import { someCall } from '../support/calls.ts';
import { startTestDatabase } from '../support/database.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { somePbx } from '../support/redis.ts';
import { eventually } from '../support/wait.ts';

const log = pino({ level: 'silent' });
const day = 24 * 3600_000;
let database: Database;
let stop: () => Promise<void>;
let store: VersionStore;

beforeAll(async () => {
  ({ database, stop } = await startTestDatabase());
  store = new VersionStore(database);
});
afterAll(() => stop());

const at = (iso: string) => new Date(iso);
const now = at('2026-11-02T09:00:00Z');
const version = (pbx: string, name: string, document: unknown = { pbx: { id: pbx } }): KeptVersion => ({
  pbx,
  version: name,
  document: () => document,
});

describe('VersionStore', () => {
  it('keeps a version once, and gives its document back', async () => {
    const pbx = somePbx();
    const { document } = pbxOf({
      employees: [employee('ivanov', '101')],
      groups: [{ id: 'sales', name: 'Отдел «ё»' }],
    });
    expect(await store.keep(version(pbx, 'v1', redacted(document)), now)).toBe(true);
    const unread: KeptVersion = {
      ...version(pbx, 'v1'),
      document: () => {
        throw new Error('it is kept already');
      },
    };
    expect(await store.keep(unread, now)).toBe(false);
    const kept = await store.get(pbx, 'v1');
    expect(kept).toEqual(JSON.parse(JSON.stringify(redacted(document))));
    expect(JSON.stringify(kept)).not.toContain('Secret123');
    expect(await store.get(pbx, 'v2')).toBeUndefined();
    expect(await store.get(somePbx(), 'v1')).toBeUndefined();
  });

  it('drops what no call has used, when it was not in force for long', async () => {
    const pbx = somePbx();
    for (const name of ['used', 'idle', 'recent']) await store.keep(version(pbx, name), now);
    await store.keep(version(pbx, 'recent'), at('2026-11-20T09:00:00Z'));
    await new HistoryStore(database).insert([someCall({ pbx, configVersion: 'used' })]);
    expect(await store.prune(pbx, at('2026-11-12T09:00:00Z'))).toBe(1);
    const kept = await Promise.all(['used', 'idle', 'recent'].map((name) => store.get(pbx, name)));
    expect(kept.map((document) => document !== undefined)).toEqual([true, false, true]);
  });
});

describe('VersionKeeper', () => {
  /** A database that can be away. */
  const flaky = () => {
    const state = { away: true, asked: 0 };
    const query: Database['query'] = async (text, values) => {
      state.asked++;
      if (state.away) throw new DatabaseDownError('it is away');
      return database.query(text, values);
    };
    return { state, store: new VersionStore({ ...database, query }) };
  };

  it('waits for a database that is away, and loses no version that was in force meanwhile', async () => {
    const [pbx, clock] = [somePbx(), new FakeClock()];
    const { state, store: other } = flaky();
    const keeper = new VersionKeeper({ store: other, clock, log });
    keeper.inForce([version(pbx, 'v1')]);
    await settle();
    keeper.inForce([version(pbx, 'v2')]);
    await clock.advanceAsync(1000);
    expect(state.asked).toBeGreaterThan(2);
    // Pauses grow: an outage of an hour is no flood.
    await clock.advanceAsync(3600_000);
    expect(state.asked).toBeLessThan(100);
    state.away = false;
    await clock.advanceAsync(60_000);
    await keeper.idle();
    expect(await store.get(pbx, 'v1')).toBeDefined();
    expect(await store.get(pbx, 'v2')).toBeDefined();
    await keeper.stop();
    expect(clock.pending).toBe(0);
  });

  it('tells every day what is in force, so that it stays', async () => {
    const [pbx, clock] = [somePbx(), new FakeClock()];
    const keeper = new VersionKeeper({ store, clock, log });
    keeper.inForce([version(pbx, 'v1')]);
    await keeper.idle();
    await clock.advanceAsync(day);
    await keeper.idle();
    const seen = async () =>
      (await database.query('select last_seen from config_versions where pbx = $1', [pbx]))[0]?.[0];
    await eventually('the version to have been seen', seen, (last) => Number(last) === clock.now());
    await keeper.stop();
  });

  it('stops while the database is away', async () => {
    const { store: other } = flaky();
    const clock = new FakeClock();
    const keeper = new VersionKeeper({ store: other, clock, log });
    keeper.inForce([version(somePbx(), 'v1')]);
    await settle();
    await keeper.stop();
    expect(clock.pending).toBe(0);
  });
});
