import { main } from '../../src/main.ts';

/** What the executable runs. A fault that nobody caught ends it with its stack, but without a line of bundled source. */
process.on('uncaughtException', (fault: unknown) => {
  const { syscall, message } = fault as NodeJS.ErrnoException;
  if (syscall === 'write') {
    console.error(`error: the output cannot be written: ${message}`);
    process.exit(74);
  }
  console.error(`error: internal fault: ${fault instanceof Error ? fault.stack : String(fault)}`);
  process.exit(70);
});

main(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
