import { type Issue, issueAt, type Path, placeText } from '../issue.ts';
import type { PbxDocument } from '../schema/document.ts';
import type { ReadDocument } from '../validate.ts';
import { type Finding, issueOf } from './rule.ts';

/** One PBX beside others of the same installation. */
export interface InstalledPbx {
  readonly document: PbxDocument;
  readonly read: Pick<ReadDocument, 'locate'>;
}

/** What holds between PBXs: names that must be unique in the installation, and internal trunks, whose two ends name each other. */
export function checkInstallation(pbxs: readonly InstalledPbx[]): Issue[] {
  return [...sharedNames(pbxs), ...trunkPeers(pbxs)];
}

interface SharedName {
  readonly key: string;
  readonly called: string;
  readonly path: Path;
}

function* namesOf({ pbx, numbers, trunks }: PbxDocument): Generator<SharedName> {
  yield { key: `pbx ${pbx.id}`, called: `PBX id "${pbx.id}"`, path: ['pbx', 'id'] };
  for (const [index, domain] of pbx.domains.entries()) {
    yield { key: `domain ${domain.toLowerCase()}`, called: `Domain "${domain}"`, path: ['pbx', 'domains', index] };
  }
  const internal = trunks.filter(({ kind }) => kind === 'internal');
  const ends = new Set(internal.map(({ id }) => id));
  const listed = new Set(internal.flatMap((trunk) => trunk.numbers.map(({ number }) => number)));
  for (const [index, { number, source }] of numbers.entries()) {
    // The number is the other PBX's, which passes its calls on (§5.3.2.2).
    if (source ? 'trunk' in source && ends.has(source.trunk) : listed.has(number)) continue;
    yield { key: `number ${number}`, called: `Number "${number}"`, path: ['numbers', index, 'number'] };
    if (!source || !('passive' in source)) continue;
    const line = source.passive;
    yield {
      key: `line ${line.toLowerCase()}`,
      called: `SIP line "${line}"`,
      path: ['numbers', index, 'source', 'passive'],
    };
  }
}

function* sharedNames(pbxs: readonly InstalledPbx[]): Generator<Issue> {
  const taken = new Map<string, { readonly owner: InstalledPbx; readonly path: Path }>();
  for (const owner of pbxs) {
    for (const { key, called, path } of namesOf(owner.document)) {
      const first = taken.get(key);
      if (!first) {
        taken.set(key, { owner, path });
        continue;
      }
      // Within one PBX its own check has said so, but for SIP lines, which are no names there.
      if (first.owner === owner && !key.startsWith('line ')) continue;
      const place = placeText(first.owner.read.locate(first.path).node);
      yield issueAt(owner.read.locate(path).node, {
        code: 'duplicate-name',
        message: `${called} is already taken at ${place}`,
      });
    }
  }
}

function* trunkPeers(pbxs: readonly InstalledPbx[]): Generator<Issue> {
  const byId = new Map(pbxs.map(({ document }) => [document.pbx.id, document]));
  for (const { document, read } of pbxs) {
    for (const [index, trunk] of document.trunks.entries()) {
      if (!trunk.peer) continue;
      const finding = peerFinding(document.pbx.id, trunk.id, trunk.peer, byId, ['trunks', index, 'peer']);
      if (finding) yield issueOf(finding, read);
    }
  }
}

function peerFinding(
  pbx: string,
  trunk: string,
  peer: { readonly pbx: string; readonly trunk: string },
  byId: ReadonlyMap<string, PbxDocument>,
  path: Path,
): Finding | undefined {
  const code = 'trunk-peer';
  if (peer.pbx === pbx && peer.trunk === trunk) return { code, path, message: 'The trunk names itself as its peer' };
  const other = byId.get(peer.pbx);
  if (!other) return { code, path: [...path, 'pbx'], message: `There is no PBX "${peer.pbx}" in this folder` };
  const end = other.trunks.find(({ id }) => id === peer.trunk);
  if (!end) return { code, path: [...path, 'trunk'], message: `PBX "${peer.pbx}" has no trunk "${peer.trunk}"` };
  const back = end.peer;
  if (back?.pbx === pbx && back.trunk === trunk) return undefined;
  const message = back
    ? `Trunk "${peer.trunk}" of PBX "${peer.pbx}" names "${back.trunk}" of "${back.pbx}" as its peer, not this one`
    : `Trunk "${peer.trunk}" of PBX "${peer.pbx}" is not internal`;
  return { code, path, message, hint: `Give it "peer": { "pbx": "${pbx}", "trunk": "${trunk}" }.` };
}
