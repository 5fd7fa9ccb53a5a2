import { isError } from '../config/issue.ts';
import { issuesJson, issuesText, summaryText } from '../config/issue-text.ts';
import { loadConfig } from '../config/load.ts';
import { type Command, configFolder, configOption, exitCode } from './command.ts';

/** Needs the files and nothing else: no ports, no Redis. */
export const command: Command = {
  name: 'check',
  summary: 'Validate and lint a configuration folder',
  operands: '[schemes]',
  maxOperands: 1,
  options: {
    config: configOption,
    json: { type: 'boolean', help: 'print an array of {severity, code, file, line, column, path, message, hint}' },
    strict: { type: 'boolean', help: 'end with 2 if there are warnings' },
  },
  exitCodes: {
    [exitCode.ok]: 'no errors',
    [exitCode.failed]: 'errors',
    [exitCode.warnings]: 'warnings only, with --strict',
  },

  async run(input, terminal) {
    const folder = input.operands[0] ?? configFolder(input, terminal);
    const { issues, files, versions } = await loadConfig(folder);
    if (input.options.json) {
      terminal.out(issuesJson(issues));
    } else {
      if (issues.length > 0) terminal.out(`${issuesText(issues, { color: terminal.color, files })}\n`);
      const found = versions.length > 0 ? ` in ${versions.map(({ id }) => id).join(', ')}` : '';
      terminal.out(`${folder}: ${summaryText(issues)}${found}`);
    }
    if (issues.some(isError)) return exitCode.failed;
    return issues.length > 0 && input.options.strict ? exitCode.warnings : exitCode.ok;
  },
};
