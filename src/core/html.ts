/** What the daemon's pages for people share: they load nothing, from nowhere. */
export const PAGE_STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h2{margin-top:2.5rem;border-top:1px solid #ccc;padding-top:1rem;font-size:1.1rem}code,pre{font:14px/1.4 ui-monospace,monospace;background:#f4f4f4}
pre{padding:.75rem;overflow:auto;max-height:24rem}.m{display:inline-block;min-width:3.5rem;font-weight:700}table{border-collapse:collapse}
td{padding:.15rem 1rem .15rem 0;vertical-align:top}@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}code,pre{background:#222}a{color:#8bf}}`;

export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'";

export function toHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
