import { styleText } from 'node:util';
import { isSecretKey } from './explain.ts';
import type { Issue } from './issue.ts';
import type { SourceFile } from './source.ts';
import { counted } from './words.ts';

export interface IssueTextOptions {
  readonly color: boolean;
  /** With these, each issue shows the line that it is about. */
  readonly files?: ReadonlyMap<string, SourceFile>;
}

/** Issues for people: place, severity and code, path, what is wrong, the line with a mark, what to do. */
export const issuesText = (issues: readonly Issue[], options: IssueTextOptions): string =>
  issues.map((issue) => issueText(issue, options)).join('\n\n');

function issueText(issue: Issue, { color, files }: IssueTextOptions): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const place = issue.line > 0 ? `${issue.file}:${issue.line}:${issue.column}` : issue.file;
  const severity = paint(issue.severity === 'error' ? 'red' : 'yellow', issue.severity);
  const lines = [
    `${paint('bold', place)}: ${severity} ${issue.code}${issue.path === '' ? '' : ` at ${issue.path}`}`,
    `  ${issue.message}`,
  ];
  const file = files?.get(issue.file);
  if (file && issue.line > 0 && !namesSecret(issue.path))
    lines.push(...excerpt(file, issue).map((line) => paint('dim', line)));
  if (issue.hint !== undefined) lines.push(`  ${issue.hint}`);
  return lines.join('\n');
}

/** The line of such a value must not be shown: it holds the secret. */
const namesSecret = (path: string): boolean => path.split(/[.[\]"]+/).some(isSecretKey);

const excerptWidth = 100;

/** The line, cut to a window around the place, with a caret under it. */
function excerpt(file: SourceFile, { line, column }: Issue): string[] {
  const text = file.line(line).replaceAll('\t', ' ');
  const from = column - 1 > excerptWidth - 20 ? column - 1 - 20 : 0;
  const window = text.slice(from, from + excerptWidth);
  if (/"(?:password|ha1|pin|key|salt|smtp)"\s*:/.test(window)) return [];
  const margin = `    ${line} | `;
  const blank = `${' '.repeat(margin.length - 2)}| `;
  return [margin + (from > 0 ? `…${window.slice(1)}` : window), `${blank}${' '.repeat(column - 1 - from)}^`];
}

/** `1 error, 2 warnings` */
export function summaryText(issues: readonly Issue[]): string {
  const errors = issues.filter(({ severity }) => severity === 'error').length;
  return `${counted(errors, 'error')}, ${counted(issues.length - errors, 'warning')}`;
}

/** As `check --json` prints it: every issue has every key. */
export const issuesJson = (issues: readonly Issue[]): string =>
  JSON.stringify(
    issues.map(({ severity, code, file, line, column, path, message, hint = null }) => ({
      severity,
      code,
      file,
      line,
      column,
      path,
      message,
      hint,
    })),
    null,
    2,
  );
