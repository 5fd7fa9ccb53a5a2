import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { schemaFileName } from '../config/folder.ts';
import { fileSchemaText } from '../config/json-schema.ts';
import { type Command, configFolder, configOption, exitCode } from './command.ts';

export const command: Command = {
  name: 'schema',
  summary: 'Write the JSON Schema that editors complete and check configuration files with',
  options: {
    config: configOption,
    stdout: { type: 'boolean', help: 'print it instead of writing schema.json into the folder' },
  },

  async run(input, terminal) {
    const text = fileSchemaText();
    if (input.options.stdout) {
      terminal.out(text.trimEnd());
      return exitCode.ok;
    }
    const file = join(configFolder(input, terminal), schemaFileName);
    await writeFile(file, text);
    terminal.out(`${file} written. Name it at the top of a file: "$schema": "../${schemaFileName}"`);
    return exitCode.ok;
  },
};
