/** What explorer/components/register.py writes in front of loader.js. */
declare const served: { path: string; entry: string; version: string; files: string[] };
