import { operate } from './store-operations.ts';

/** node store-driver.ts OPERATION ROOT: one operation in a process of its own, to be killed. */
const [name = '', root = ''] = process.argv.slice(2);
await operate(name, root);
