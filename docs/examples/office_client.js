// Lists the records of a register page by page, then shows what a refusal says.
// Usage: node office_client.js HOST:PORT TOKEN_FILE REGISTER
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const protobuf = require("protobufjs");

const PROTO = path.join(__dirname, "../../proto");
const PAGE_SIZE = 2;

// The parts of google/rpc/status.proto and google/rpc/error_details.proto that are read here.
const RPC = protobuf.parse(
  `
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message LocalizedMessage { string locale = 1; string message = 2; }
`,
  { keepCase: true },
).root;

function detailsOf(error, kind) {
  const [trailer] = error.metadata.get("grpc-status-details-bin");
  if (!trailer) return [];
  return RPC.lookupType("google.rpc.Status")
    .decode(trailer)
    .details.filter((one) => one.type_url.endsWith(`/google.rpc.${kind}`))
    .map((one) => RPC.lookupType(`google.rpc.${kind}`).decode(one.value));
}

async function main([address, tokenFile, register]) {
  const contract = loader.loadSync("silian/office/v1/office.proto", {
    includeDirs: [PROTO],
    keepCase: true,
    longs: String,
  });
  const { OfficeService } = grpc.loadPackageDefinition(contract).silian.office.v1;
  const office = new OfficeService(address, grpc.credentials.createInsecure(), {
    "grpc.enable_http_proxy": 0, // an office is reached directly
  });
  const token = new grpc.Metadata();
  token.set("silian-token", fs.readFileSync(tokenFile, "utf8").trim());
  const call = (name, request) =>
    new Promise((resolve, reject) =>
      office[name](request, token, (error, reply) => (error ? reject(error) : resolve(reply))),
    );

  let page_token = "";
  do {
    const page = await call("ListRecords", { register, page_size: PAGE_SIZE, page_token });
    for (const { id, unit, values } of page.records) {
      console.log(id, unit.name, values.name ? values.name.text : "");
    }
    page_token = page.next_page_token;
    console.log(page_token ? "next page" : `${page.total_size} in all`);
  } while (page_token);

  try {
    await call("GetRecord", { register, id: "0".repeat(32) });
  } catch (error) {
    const [info] = detailsOf(error, "ErrorInfo");
    if (!info) throw error; // the line, and not the office
    console.log(grpc.status[error.code], info.reason);
    for (const { locale, message } of detailsOf(error, "LocalizedMessage")) {
      console.log(locale, message);
    }
  }
  office.close();
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
