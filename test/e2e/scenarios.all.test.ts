import { describeHttpScenarios } from "../support/http-scenarios.ts";

describeHttpScenarios("the whole program, by the rest of the contract's recorded scenarios", "all");
