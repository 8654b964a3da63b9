// tfrecord of npm: node node.js VERB FILE, as talk.py says.
"use strict";

const fs = require("fs");
const tfrecord = require(require.resolve("tfrecord", { paths: [process.env.PEERS_NODE] }));

const KINDS = { bytesList: "bytes_list", floatList: "float_list", int64List: "int64_list" };

function float32(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(number);
  return bytes.toString("hex");
}

function featureToLine(feature) {
  for (const [name, kind] of Object.entries(KINDS)) {
    if (feature[name] === null) continue;
    const values = feature[name].value;
    if (name === "bytesList") return [kind, values.map((value) => Buffer.from(value).toString("hex"))];
    return [kind, values.map(name === "floatList" ? float32 : String)];
  }
  return null;
}

function print(item) {
  process.stdout.write(JSON.stringify(item) + "\n");
}

function lines() {
  return fs.readFileSync(0, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

const verbs = {
  async "read-records"(path) {
    const reader = await tfrecord.RecordReader.create(path);
    for (let record; (record = await reader.readRecord()) !== null; ) print(Buffer.from(record).toString("hex"));
  },
  async "read-examples"(path) {
    const reader = await tfrecord.createReader(path);
    for (let example; (example = await reader.readExample()) !== null; ) {
      const features = Object.entries(example.features.feature);
      print(Object.fromEntries(features.map(([name, feature]) => [name, featureToLine(feature)])));
    }
  },
  async "write-records"(path) {
    const writer = await tfrecord.RecordWriter.create(path);
    for (const record of lines()) await writer.writeRecord(Buffer.from(record, "hex"));
    await writer.close();
  },
  async "write-examples"(path) {
    const writer = await tfrecord.createWriter(path);
    for (const example of lines()) {
      const builder = tfrecord.createBuilder();
      for (const [name, [kind, values]] of Object.entries(example)) {
        if (kind === "bytes_list") builder.setBinaries(name, values.map((value) => Buffer.from(value, "hex")));
        else if (kind === "float_list") builder.setFloats(name, values.map((value) => Buffer.from(value, "hex").readFloatLE()));
        else builder.setIntegers(name, values);
      }
      await writer.writeExample(builder.releaseExample());
    }
    await writer.close();
  },
};

const [verb, path] = process.argv.slice(2);
verbs[verb](path).catch((error) => print({ error: `${error.name}: ${error.message}` }));
