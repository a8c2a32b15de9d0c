// A name server for the stories: it answers from a file of records, which a story changes as people change their DNS.
//
// The file is JSON: {"example.com TXT": ["v=spf1 mx ~all"], "example.com MX": ["10 mx.example.net"]}. The first argument is its path;
// the port is printed.
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';

const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28 };
const [, , file] = process.argv;

const nameOf = (name) => Buffer.concat([...name.split('.').filter(Boolean).map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])), Buffer.from([0])]);
const number = (value, octets) => { const buffer = Buffer.alloc(octets); buffer.writeUIntBE(value, 0, octets); return buffer; };
const data = {
  A: (text) => Buffer.from(text.split('.').map(Number)),
  CNAME: nameOf,
  NS: nameOf,
  MX: (text) => Buffer.concat([number(Number(text.split(' ')[0]), 2), nameOf(text.split(' ')[1])]),
  TXT: (text) => Buffer.concat((text.match(/.{1,255}/gs) ?? ['']).map((part) => Buffer.concat([Buffer.from([part.length]), Buffer.from(part)]))),
};
const record = (name, type, rdata) => Buffer.concat([nameOf(name), number(TYPES[type], 2), number(1, 2), number(1, 4), number(rdata.length, 2), rdata]);

const answer = (query) => {
  const labels = [];
  let at = 12;
  for (; query[at]; at += query[at] + 1) labels.push(query.subarray(at + 1, at + 1 + query[at]).toString());
  const end = at + 5;
  const name = labels.join('.').toLowerCase();
  const type = Object.keys(TYPES).find((key) => TYPES[key] === query.readUInt16BE(at + 1));
  const zone = JSON.parse(readFileSync(file, 'utf8'));
  const of = (owner, wanted) => zone[`${owner} ${wanted}`] ?? [];
  const answers = [];
  let owner = name;
  for (let step = 0; step < 8; step += 1) {
    const alias = type === 'CNAME' ? [] : of(owner, 'CNAME');
    if (alias.length === 0) break;
    answers.push(record(owner, 'CNAME', data.CNAME(alias[0])));
    [owner] = alias;
  }
  if (data[type]) answers.push(...of(owner, type).map((text) => record(owner, type, data[type](text))));
  const isThere = Object.keys(zone).some((key) => { const known = key.split(' ')[0]; return known === owner || known.endsWith(`.${owner}`); });
  const apex = owner.split('.').slice(-2).join('.');
  const soa = Buffer.concat([nameOf(`ns.${apex}`), nameOf(`host.${apex}`), ...[1, 60, 60, 60, 1].map((value) => number(value, 4))]);
  const authority = answers.length === 0 ? [record(apex, 'SOA', soa)] : [];
  const flags = 0x8180 | (isThere || answers.length > 0 ? 0 : 3);
  const head = Buffer.concat([query.subarray(0, 2), number(flags, 2), number(1, 2), number(answers.length, 2), number(authority.length, 2), number(0, 2)]);
  return Buffer.concat([head, query.subarray(12, end), ...answers, ...authority]);
};

const socket = createSocket('udp4');
socket.on('message', (query, from) => {
  try {
    socket.send(answer(query), from.port, from.address);
  } catch (error) {
    console.error(error);
  }
});
socket.bind(0, '127.0.0.1', () => console.log(socket.address().port));
