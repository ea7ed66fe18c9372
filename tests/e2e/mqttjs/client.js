// What MQTT.js must be able to do with the broker: node client.js PORT PROTOCOL_VERSION
// With MQTTJS_CA (for client certificates MQTTJS_CERT and MQTTJS_KEY too) in the environment it
// speaks TLS, with MQTTJS_PATH WebSocket.
'use strict';
const assert = require('assert');
const fs = require('fs');
const mqtt = require('mqtt');

const [port, version] = [Number(process.argv[2]), Number(process.argv[3])];
const persistent = version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {};
const env = process.env;
const scheme = env.MQTTJS_PATH ? 'ws' : 'mqtt';
const transport = { protocol: env.MQTTJS_CA ? `${scheme}s` : scheme, path: env.MQTTJS_PATH };
for (const [option, name] of [['ca', 'CA'], ['cert', 'CERT'], ['key', 'KEY']]) {
  const file = env[`MQTTJS_${name}`];
  if (file) transport[option] = fs.readFileSync(file);
}

function once(emitter, event) {
  return new Promise((resolve, reject) => {
    emitter.once(event, (...values) => resolve(values));
    if (event !== 'error') emitter.once('error', reject);
  });
}

class Member {
  constructor(clientId, options = {}) {
    this.client = mqtt.connect({
      host: '127.0.0.1', hostname: '127.0.0.1', port, protocolVersion: version, clientId, reconnectPeriod: 0,
      ...transport, ...options,
    });
    this.inbox = [];
    this.waiting = [];
    this.client.on('message', (topic, payload, packet) => {
      const message = { topic, payload, packet };
      const next = this.waiting.shift();
      if (next) next(message); else this.inbox.push(message);
    });
  }

  async online() {
    const [connack] = await once(this.client, 'connect');
    this.sessionPresent = connack.sessionPresent;
    return this;
  }

  subscribe(filter, qos) {
    return new Promise((resolve, reject) => this.client.subscribe(filter, { qos },
      (error, granted) => {
        if (error) return reject(error);
        assert.strictEqual(granted[0].qos, qos);
        resolve();
      }));
  }

  publish(topic, payload, options) {
    return new Promise((resolve, reject) => this.client.publish(topic, payload, options,
      (error) => (error ? reject(error) : resolve())));
  }

  message() {
    if (this.inbox.length) return Promise.resolve(this.inbox.shift());
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  end() {
    return new Promise((resolve) => this.client.end(false, {}, resolve));
  }
}

async function everyQos(publisher, subscriber) {
  await subscriber.subscribe('js/qos/#', 2);
  for (const qos of [0, 1, 2]) {
    await publisher.publish(`js/qos/${qos}`, `qos ${qos}`, { qos });
    const message = await subscriber.message();
    assert.strictEqual(message.payload.toString(), `qos ${qos}`);
    assert.strictEqual(message.packet.qos, qos);
  }
}

async function retained(publisher, subscriber) {
  await publisher.publish('js/state', 'on', { qos: 1, retain: true });
  await subscriber.subscribe('js/state', 1);
  const message = await subscriber.message();
  assert.strictEqual(message.payload.toString(), 'on');
  assert.strictEqual(message.packet.retain, true);
  await publisher.publish('js/state', '', { qos: 1, retain: true });
  assert.strictEqual((await subscriber.message()).payload.length, 0);
}

async function will(subscriber) {
  await subscriber.subscribe('js/will', 1);
  const mortal = await new Member('js-mortal', {
    will: { topic: 'js/will', payload: 'gone', qos: 1 },
  }).online();
  mortal.client.stream.destroy();
  assert.strictEqual((await subscriber.message()).payload.toString(), 'gone');
}

async function large(publisher, subscriber) {
  const payload = Buffer.alloc(1024 * 1024, 'x');
  await subscriber.subscribe('js/large', 1);
  await publisher.publish('js/large', payload, { qos: 1 });
  assert.ok((await subscriber.message()).payload.equals(payload));
}

async function userProperties(publisher, subscriber) {
  await subscriber.subscribe('js/properties', 1);
  await publisher.publish('js/properties', 'x', {
    qos: 1, properties: { userProperties: { unit: 'bar', line: ['7', '8'] } },
  });
  const { properties } = (await subscriber.message()).packet;
  assert.deepStrictEqual({ ...properties.userProperties }, { unit: 'bar', line: ['7', '8'] });
}

async function shared(publisher) {
  const pair = [await new Member('js-left').online(), await new Member('js-right').online()];
  for (const member of pair) await member.subscribe('$share/js/js/work', 1);
  for (let n = 0; n < 20; ++n) await publisher.publish('js/work', String(n), { qos: 1 });
  const seen = [];
  for (const member of pair) {
    for (let n = 0; n < 10; ++n) seen.push(Number((await member.message()).payload));
  }
  assert.deepStrictEqual(seen.sort((a, b) => a - b), [...Array(20).keys()]);
  for (const member of pair) await member.end();
}

async function session(publisher) {
  const options = { clean: false, ...persistent };
  const first = await new Member('js-sleeper', options).online();
  assert.strictEqual(first.sessionPresent, false);
  await first.subscribe('js/night', 2);
  await first.end();
  for (const qos of [1, 2]) await publisher.publish('js/night', String(qos), { qos });
  const again = new Member('js-sleeper', options);
  await again.online();
  assert.strictEqual(again.sessionPresent, true);
  for (const qos of [1, 2]) {
    assert.strictEqual((await again.message()).payload.toString(), String(qos));
  }
  await again.end();
  // A clean start leaves nothing for whoever comes next.
  await (await new Member('js-sleeper').online()).end();
}

async function main() {
  console.log(`  MQTT.js ${require('mqtt/package.json').version}, protocol version ${version}`);
  const publisher = await new Member('js-publisher').online();
  const subscriber = await new Member('js-subscriber').online();
  await everyQos(publisher, subscriber);
  await retained(publisher, subscriber);
  await will(subscriber);
  await large(publisher, subscriber);
  if (version === 5) await userProperties(publisher, subscriber);
  await shared(publisher);
  await session(publisher);
  await publisher.end();
  await subscriber.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
