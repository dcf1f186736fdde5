import { describeHttpScenarios } from "../support/http-scenarios.ts";

describeHttpScenarios("the whole program, by the contract's recorded scenarios", "fast");
