// Writes the files of this folder: node make.mjs (in a copy of the repository with `npm install @duckdb/node-api` done beside).
import { DuckDBInstance } from '@duckdb/node-api';
const c = await (await DuckDBInstance.create(':memory:')).connect();
await c.run(`set threads=1`);
await c.run(`create table everything as select i as id, 'c' || i as chosen, 'r' || (i%4) as rejected,
  case when i%7=0 then null else i%13 end::int as small, (i*1000003)::bigint as big, i/8.0::double as dbl, (i/4.0)::float as flt, i%3=0 as yes, case when i%5=0 then null else i%2=0 end as maybe,
  date '2020-01-01' + (i%1000)::int as day,
  case when i%4=0 then null else [x*i for x in range(i%6)] end as ints,
  case when i%9=0 then [] when i%10=0 then null else [{'role':'user','content':repeat('q',(i%50)::int)},{'role':'assistant','content':null},{'role':'assistant','content':'a'||i}] end as messages,
  {'text': ['x'||i, null, 'z'], 'inner': {'deep': case when i%3=0 then null else i end, 'lists': [[i,i+1],[],null,[null]]}} as nested,
  (i%100)/4.0::decimal(9,2) as dec, (i*i)::ubigint as squared, map {'k'||(i%3): i, 'z': null} as mapped, uuid '00112233-4455-6677-8899-aabbccddeeff' as same, repeat('long text ', (i%40)::int) as long, 'dict'||(i%20) as word
  from range(400) r(i)`);
for (const codec of ['uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli'])
  for (const version of ['v1', 'v2']) await c.run(`copy everything to 'everything-${codec}-${version}.parquet' (format parquet, compression '${codec}', parquet_version ${version}, row_group_size 2048)`);
await c.run(`copy (select * from everything order by id) to 'everything.jsonl.gz' (format json, compression gzip)`);
await c.run(`copy (select 'a' as chosen, 'b' as rejected, map {1: true, 20: null} as numbered, timestamp '0044-03-15 (BC) 12:00:00' as ides, timestamp '2026-01-02 03:04:05.678' as then, date '12026-01-01' as later, date '2026-01-01' as now) to 'odd.parquet' (format parquet, compression zstd)`);
await c.run(`create table pairs as select * from read_json_auto('../../../samples/family/heldout.jsonl.gz') limit 150`);
await c.run(`copy pairs to 'pairs.parquet' (format parquet, compression snappy)`);
await c.run(`copy pairs to 'pairs.csv' (header)`);
await c.run(`copy pairs to 'pairs.json' (format json, array true)`);
await c.run(`copy pairs to 'pairs.jsonl' (format json)`);
