import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeLicences } from '../licences.ts';
import type { Arch } from '../natives/stage.ts';
import { ROOT, stagedDirectory } from '../project.ts';
import { addHef } from './add-hef.ts';

/** Where each file of the repository goes in the package; the rest is debhelper's business. */
const FILES: Readonly<Record<string, string>> = {
  'etc/hailo-tcn-sidecar.yaml': 'etc/hailo/hailo-tcn-sidecar.yaml',
  'systemd/open-to-network.conf': 'usr/share/hailo-tcn-sidecar/systemd/open-to-network.conf',
  'systemd/multi-process-service.conf': 'usr/share/hailo-tcn-sidecar/systemd/multi-process-service.conf',
  'systemd/credentials.conf': 'usr/share/hailo-tcn-sidecar/systemd/credentials.conf',
  'packaging/haproxy/haproxy.cfg': 'usr/share/doc/hailo-tcn-sidecar/haproxy/haproxy.cfg',
};
const MONITORING = ['prometheus.yml', 'alerts.yml', 'dashboard.json'];
const DOC = 'usr/share/doc/hailo-tcn-sidecar';
const BUNDLE = 'usr/share/hailo-tcn-sidecar/models/default';

/** node packaging/deb/stage.ts x64|arm64: the package's files from the built executable, in build/deb/<arch>. */
async function stage(arch: Arch): Promise<void> {
  const tree = join(ROOT, 'build', 'deb', arch);
  rmSync(tree, { recursive: true, force: true });
  place(tree, `dist/hailo-tcn-sidecar-linux-${arch}`, 'usr/bin/hailo-tcn-sidecar');
  for (const [from, to] of Object.entries(FILES)) place(tree, from, to);
  for (const file of nativeFiles(arch))
    copy(join(stagedDirectory(arch), file), join(tree, 'usr/lib/hailo-tcn-sidecar', file));
  cpSync(join(ROOT, 'packaging/models/default'), join(tree, BUNDLE), { recursive: true });
  await addHef(join(tree, BUNDLE), process.env.HAILO_HEF);
  writeLicences(join(tree, DOC, 'licences'));
  for (const file of MONITORING) place(tree, `packaging/monitoring/${file}`, join(DOC, 'monitoring', file));
  const xdg = join(tree, 'etc/xdg/hailo-tcn-sidecar');
  mkdirSync(xdg, { recursive: true });
  symlinkSync('/run/hailo-tcn-sidecar/hailo-tcn-sidecar.json', join(xdg, 'hailo-tcn-sidecar.json'));
}

function place(tree: string, from: string, to: string): void {
  copy(join(ROOT, from), join(tree, to));
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

function nativeFiles(arch: Arch): string[] {
  const index = readFileSync(join(stagedDirectory(arch), 'natives.json'), 'utf8');
  return Object.keys(JSON.parse(index) as object);
}

const [arch] = process.argv.slice(2);
if (arch !== 'x64' && arch !== 'arm64') throw new Error('node packaging/deb/stage.ts x64|arm64');
await stage(arch);
