import { isError } from '../config/issue.ts';
import { issuesText, summaryText } from '../config/issue-text.ts';
import { loadConfig } from '../config/load.ts';
import type { PbxVersion } from '../config/version.ts';
import { UserError } from '../errors.ts';
import { graphOf } from '../scheme/graph.ts';
import { mermaid } from '../scheme/mermaid.ts';
import { schemesOf } from '../scheme/schemes.ts';
import { UsageError } from './arguments.ts';
import { type Command, configFolder, configOption, exitCode } from './command.ts';
import { pbxNamed, thereIs } from './pbx-named.ts';

/** Needs the files and nothing else: no ports, no Redis. */
export const command: Command = {
  name: 'graph',
  summary: 'Draw a scheme as a Mermaid state diagram; without a scheme all of the PBX, as a Markdown document',
  operands: '<pbx> [scheme]',
  maxOperands: 2,
  options: { config: configOption },
  exitCodes: { [exitCode.failed]: 'the configuration has errors, or there is no such PBX or scheme' },

  async run(input, terminal) {
    const folder = configFolder(input, terminal);
    const [id, scheme] = input.operands;
    if (id === undefined) throw new UsageError('which PBX? Its id comes first', 'See "kommutator graph --help".');

    const { issues, files, versions } = await loadConfig(folder);
    const errors = issues.filter(isError);
    if (errors.length > 0) {
      terminal.err(`${issuesText(errors, { color: false, files })}\n\n${folder}: ${summaryText(issues)}`);
      return exitCode.failed;
    }
    const pbx = pbxNamed(id, versions, folder);
    terminal.out(scheme === undefined ? documentOf(pbx) : diagramOf(pbx, scheme));
    return exitCode.ok;
  },
};

/** @throws UserError when there is no such scheme */
function diagramOf(pbx: PbxVersion, id: string): string {
  const compiled = schemesOf(pbx).get(id);
  if (compiled) return mermaid(graphOf(compiled));
  const ids = pbx.document.schemes.map((scheme) => scheme.id);
  throw new UserError(
    'unknown-scheme',
    `${pbx.id} has no scheme "${id}"`,
    thereIs(id, ids, 'It has no schemes at all.'),
  );
}

function documentOf(pbx: PbxVersion): string {
  const { pbx: company, schemes } = pbx.document;
  const parts = schemes.map(({ id, name, description }) =>
    [
      `## ${plain(name === id || name === '' ? id : `${name} (${id})`)}`,
      ...(description === '' ? [] : [plain(description)]),
      `\`\`\`mermaid\n${diagramOf(pbx, id)}\n\`\`\``,
    ].join('\n\n'),
  );
  return [`# ${plain(company.name || pbx.id)}`, ...(parts.length > 0 ? parts : ['No schemes.'])].join('\n\n');
}

/** Text that Markdown shows as it is, in one line. */
const plain = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_{}[\]<>#!|&~]|^[-+=]|(?<=^\d+)[.)]/g, '\\$&');
