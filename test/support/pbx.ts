import { complete, DocumentForm } from '../../src/config/schema/document.ts';
import { PbxVersion } from '../../src/config/version.ts';

/** A PBX from what a test wants to say of it; everything else has its default. Audio ids stand for files of their name. */
export function pbxOf(document: Record<string, unknown>): PbxVersion {
  const parsed = complete(DocumentForm.parse({ pbx: { id: 'acme', domains: ['acme.example'] }, ...document }));
  return new PbxVersion('test', parsed, new Map(parsed.audio.map(({ id, file }) => [id, `/audio/${file}`])));
}

/** An employee with one account, `<id>@acme.example`. */
export const employee = (id: string, extension: string, more: Record<string, unknown> = {}) => ({
  id,
  name: id,
  extension,
  accounts: [{ user: id, domain: 'acme.example', password: 'Secret123' }],
  ...more,
});
