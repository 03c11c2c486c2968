import { toTenths } from '../core/round.ts';
import type { StreamReport, StreamTotals } from '../core/streams.ts';
import { FLAG, HELP_FLAG, type Io, parseCommandLine, TEXT, toTable } from './io.ts';

const HELP = `Usage: hailo-tcn-sidecar streams [--config FILE] [--json]

Lists the streams of the running daemon: who sends, how fast, what came of it.
Rates in Hz as declared, and in brackets by the timestamps. Watch one with
  curl -N http://127.0.0.1:9000/stream/STREAM/events`;

export interface StreamsReply {
  readonly totals: StreamTotals | null;
  readonly streams: readonly StreamReport[];
}

/** @param ask the running daemon of the configuration named, if any; rejects as the admin client does */
export async function streamsCommand(
  argv: string[],
  io: Io,
  ask: (configPath: string | null) => Promise<StreamsReply>,
): Promise<number> {
  const options = { config: TEXT, json: FLAG, help: HELP_FLAG };
  const { values } = parseCommandLine(argv, options, { command: 'streams', operands: 0 });
  if (values.help) {
    io.out(HELP);
    return 0;
  }
  const reply = await ask(values.config ?? null);
  if (values.json) io.out(JSON.stringify({ ok: true, ...reply }, null, 2));
  else print(io, reply);
  return 0;
}

const HEADER = ['STREAM', 'NAME', 'PEER', 'STATE', 'AGE', 'RATE', 'SAMPLES', 'RESULTS', 'DROPPED', 'GAPS', 'MOTIF'];

function print(io: Io, { totals, streams }: StreamsReply): void {
  if (streams.length === 0) io.out('No streams.');
  else for (const line of toTable([HEADER, ...streams.map(toRow)])) io.out(line);
  if (totals === null) return;
  const refused = Object.values(totals.refused).reduce((sum, count) => sum + count, 0);
  const { opened, resumed, declared } = totals;
  io.out(
    io.colour.dim(
      `since the start: ${opened} opened, ${resumed} resumed, ${refused} refused; ${toTenths(declared)} windows/s declared`,
    ),
  );
}

function toRow(one: StreamReport): string[] {
  const measured = one.measured_rate_hz === null ? '' : ` (${toTenths(one.measured_rate_hz)})`;
  return [
    one.stream,
    one.name || '-',
    one.peer,
    one.connected ? 'connected' : 'waits',
    toAge(one.age_ms),
    `${toTenths(one.rate_hz)}${measured}`,
    ...[one.samples, one.results, one.dropped, one.gaps].map(String),
    one.motif ?? '-',
  ];
}

/** 93784000 → "1d 2h" */
function toAge(ms: number): string {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3600)}h`;
}
