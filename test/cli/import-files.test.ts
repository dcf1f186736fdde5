import { expect, it } from "vitest";
import { readContentListing } from "../../modules/cli/import/content-listing.ts";
import { readCsv } from "../../modules/cli/import/csv.ts";
import { readDeviceTable } from "../../modules/cli/import/device-table.ts";
import { finalStates, stateOrder, unsuccessfulStates } from "../../modules/cli/shapes.ts";
import * as vocabulary from "../../modules/otau/vocabulary.ts";

const cellsOf = (text: string) => readCsv(text).records.map(({ cells }) => cells);

it("reads quotes, doubled quotes and line breaks within a cell", () => {
  expect(cellsOf('a,b\r\n"x, ""y""","1\n2"\r\n')).toEqual([{ a: 'x, "y"', b: "1\n2" }]);
});

it.each([
  ["a;b\n1;2\n", "semicolons"],
  ["a\tb\n1\t2", "tabs"],
  ["\uFEFFa,b\n\n 1 , 2 \n\n", "a byte order mark, blanks and empty lines"],
])("reads %j: %s", (text) => {
  expect(cellsOf(text)).toEqual([{ a: "1", b: "2" }]);
});

it("keeps empty cells in their place, a missing last one included", () => {
  expect(cellsOf("a,b,c\n,2\n1,,3\n")).toEqual([
    { a: "", b: "2", c: "" },
    { a: "1", b: "", c: "3" },
  ]);
});

it.each([
  ["", "empty"],
  ["a,a\n", "column a is named twice"],
  ["a,\n", "column without a name"],
  ["a,b\n1,2\n1,2,3\n", "line 3 has 3 cells"],
  ['a,b\n"1\n2",3\n"4,5\n', "line 4 has a quote that is not closed"],
  ['a\n"1" 2\n', "line 2"],
])("says where the table %j is wrong", (text, sentence) => {
  expect(() => readCsv(text)).toThrow(sentence);
});

it("takes the columns that are no device and no version as tags", () => {
  const text = "sn,version,site,tag.board,note\ngw-1,1.0.0,berlin,rev2,\ngw-2,,,,\n";
  expect(readDeviceTable(text)).toEqual([
    { identity: "gw-1", installedVersion: "1.0.0", tags: { site: "berlin", board: "rev2" } },
    { identity: "gw-2" },
  ]);
});

it.each([
  ["name,site\n", "no column names the devices; there are: name, site"],
  ["id,site\n,berlin\n", "line 2 names no device in column id"],
  ["id\ngw-1\n\ngw-1\n", "device gw-1 is on line 2 and on line 4"],
])("refuses the list of devices %j", (text, sentence) => {
  expect(() => readDeviceTable(text)).toThrow(sentence);
});

const item = { id: "a", length: 3, type: "text/plain", tags: { k: "v" } };

it.each([
  [[item], "an array"],
  [{ items: [item] }, "an object with the array"],
  [item, "one item"],
  [[{ ...item, tags: '{"k":"v"}' }], "tags as JSON text"],
] as [unknown, string][])("reads the listing %j: %s", (listing: unknown) => {
  expect(readContentListing(JSON.stringify(listing))).toEqual([item]);
});

it.each([
  ["[1]", "item 1 of the list has no id"],
  ['{"a":1}', "no list of content items"],
  ['[{"id":"a","tags":[]}]', "the tags of a are no object"],
  ["[", "not JSON"],
])("refuses the listing %s", (text, sentence) => {
  expect(() => readContentListing(text)).toThrow(sentence);
});

it("names the states as the vocabulary does", () => {
  expect([...stateOrder]).toEqual([...vocabulary.updateStates]);
  expect([...finalStates]).toEqual([...vocabulary.finalStates]);
  const fine = ["succeeded", "skipped"];
  expect([...unsuccessfulStates]).toEqual(vocabulary.finalStates.filter((state) => !fine.includes(state)));
});
