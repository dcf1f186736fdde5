/** A package of the demo: its id, its version, and the text of its tag `otau_info`. */
export type DemoPackage = { readonly id: string; readonly version: string; readonly otauInfo: string };

const maker = { author: "Demo", vendor: "Acme", product: "IoT Gateway" };

function makePackage(version: string, config: object): DemoPackage {
  return {
    id: `package_acme_gateway_${version.replaceAll(".", "-")}.json`,
    version,
    otauInfo: JSON.stringify({ ...maker, config_otau: { version, ...config } }),
  };
}

/** A first release, one that some devices do not take well, and its repair: one of each type. */
export const demoPackages = {
  first: makePackage("1.0.1", {
    name: "Gateway 1.0.1",
    type: "FILE",
    payload: "https://www.example.com/gateway-1.0.1.bin",
  }),
  troubled: makePackage("1.1.0", {
    name: "Gateway 1.1.0",
    description: "New radio firmware; some boards fall back",
    type: "URL_LIST",
    payload: ["https://www.example.com/gateway-1.1.0.bin", "https://www.example.com/radio-7.bin"],
  }),
  repaired: makePackage("1.1.1", {
    name: "Gateway 1.1.1, radio settings",
    type: "JSON",
    payload: { radio: { channel: 11, powerDbm: 14 } },
  }),
} as const;
