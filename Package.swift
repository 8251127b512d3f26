// swift-tools-version:6.0
import PackageDescription

// CI sets PARCEL_STRICT: warnings in our own targets are errors there, and stay warnings for a user
// whose newer compiler knows more of them than ours did.
let strict = Context.environment["PARCEL_STRICT"] != nil
let swift: [SwiftSetting] = strict ? [.unsafeFlags(["-warnings-as-errors"])] : []

/// A Swift target of the product under Sources/.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

/// A program: a `main`, nothing else.
func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: swift)
}

/// A test target under Tests/.
func tests(
  _ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil, exclude: [String] = []
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: swift)
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "parcel",
  products: [
    .executable(name: "parcel", targets: ["parcel"]),
    .executable(name: "parcel-tui", targets: ["parcel-tui"]),
    .executable(name: "parcel-server", targets: ["parcel-server"]),
    .executable(name: "parcel-tcp2udt", targets: ["parcel-tcp2udt"]),
    .executable(name: "parcel-udt2tcp", targets: ["parcel-udt2tcp"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    // C libraries, each behind one target.
    .target(
      name: "CNcurses", path: "CNcurses",
      linkerSettings: [.linkedLibrary("ncursesw"), .linkedLibrary("tinfo")]),
    // libudt sleeps 0.1 s before main in whatever links it, and faces the internet: never in parcel and parcel-tui.
    .target(
      name: "CUDT", path: "CUDT", linkerSettings: [.linkedLibrary(":libudt.a"), .linkedLibrary("m")]),
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
    .target(name: "CCrypto", linkerSettings: [.linkedLibrary("crypto"), .linkedLibrary("xxhash")]),
    .target(name: "CTLS", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "CLinux"),

    // The pure centre.
    library("ParcelCore", []),
    library("ParcelScreen", ["ParcelCore"]),

    // Threads, a monitor, the monotonic clock and error numbers for whoever meets the outside world.
    library("ParcelSystem", ["ParcelCore", "CLinux"]),
    // Addresses, TCP and AF_UNIX as byte streams, for relays and servers.
    library("ParcelNet", ["ParcelCore", "ParcelSystem"]),

    // Adapters: each knows the contracts in ParcelCore and one outside world.
    library("ParcelStorage", ["ParcelCore", "ParcelSystem", "CCrypto", "CLinux"]),
    library("ParcelHTTP", ["ParcelCore", "ParcelSystem", "CCurl"]),
    library("ParcelUDT", ["ParcelCore", "ParcelSystem", "ParcelNet", "CUDT"]),
    library("ParcelRelay", ["ParcelCore", "ParcelSystem", "ParcelNet"]),
    library("ParcelTunnel", ["ParcelCore", "ParcelSystem", "CLinux"]),
    library("ParcelServer", ["ParcelCore", "ParcelSystem", "ParcelNet", "CCrypto", "CTLS"]),
    library("ParcelTerminal", ["ParcelCore", "ParcelScreen", "ParcelSystem", "CNcurses"]),

    // The engine, and what programs are made of.
    library("ParcelEngine", ["ParcelCore"]),
    library("ParcelCLI", ["ParcelCore", "ParcelSystem", argumentParser]),
    library(
      "ParcelApp",
      [
        "ParcelCore", "ParcelScreen", "ParcelSystem", "ParcelNet", "ParcelEngine", "ParcelStorage",
        "ParcelHTTP", "ParcelTunnel",
        "ParcelTerminal", "ParcelCLI", argumentParser,
      ]),
    program("parcel", ["ParcelApp"]),
    program("parcel-tui", ["ParcelApp"]),
    library(
      "ParcelRelayApp",
      ["ParcelCore", "ParcelSystem", "ParcelNet", "ParcelRelay", "ParcelUDT", "ParcelCLI", argumentParser]),
    program(
      "parcel-server",
      [
        "ParcelServer", "ParcelRelayApp", "ParcelRelay", "ParcelUDT", "ParcelNet", "ParcelCore",
        "ParcelSystem", "ParcelCLI", argumentParser,
      ]),
    program("parcel-tcp2udt", ["ParcelRelayApp"]),
    program("parcel-udt2tcp", ["ParcelRelayApp"]),

    // Tests.
    .target(
      name: "ParcelTesting", dependencies: ["ParcelCore", "ParcelSystem"], path: "Tests/ParcelTesting",
      swiftSettings: swift),
    // A stand-in for the relay program, and a process that has tunnels.
    .executableTarget(name: "fake-relay", path: "Tests/FakeRelay"),
    .executableTarget(
      name: "tunnel-holder", dependencies: ["ParcelTunnel", "ParcelCore", "ParcelSystem"],
      path: "Tests/TunnelHolder", swiftSettings: swift),
    // An HTTP server that does wrong what it is told to, as a program.
    .executableTarget(
      name: "FaultServer", dependencies: ["ParcelTesting"], path: "Tests/FaultServer", swiftSettings: swift),
    tests(
      "ParcelCoreTests", ["ParcelCore", "ParcelTesting"], resources: [.copy("Fixtures")],
      exclude: ["Congestion/Goldens"]),
    tests(
      "ParcelScreenTests", ["ParcelScreen", "ParcelCore", "ParcelTesting"], resources: [.copy("Goldens")]),
    tests("ParcelSystemTests", ["ParcelSystem"]),
    tests("ParcelTerminalTests", ["ParcelTerminal", "ParcelScreen", "ParcelTesting"]),
    tests("ParcelStorageTests", ["ParcelStorage", "ParcelCore", "ParcelSystem", "ParcelTesting"]),
    // Every fault at every step: disks that fail and forget, servers that lie.
    tests(
      "FaultTests",
      ["ParcelEngine", "ParcelStorage", "ParcelHTTP", "ParcelCore", "ParcelSystem", "ParcelTesting"]),
    tests("ParcelHTTPTests", ["ParcelHTTP", "ParcelCore", "ParcelSystem", "ParcelTesting"]),
    tests(
      "ParcelTunnelTests",
      [
        "ParcelTunnel", "ParcelHTTP", "ParcelCore", "ParcelSystem", "ParcelTesting", "fake-relay",
        "tunnel-holder",
      ]),
    // A UDT peer that is not ours, as a program.
    .executableTarget(
      name: "StockPeer", path: "Tests/StockPeer",
      linkerSettings: [.linkedLibrary(":libudt.a"), .linkedLibrary("m"), .linkedLibrary("pthread")]),
    // What the hooks of a connection cost: a program, because it puts itself in the place of malloc and of the clock.
    .target(name: "CHookCost", path: "Tests/CHookCost"),
    .executableTarget(
      name: "hook-cost", dependencies: ["ParcelUDT", "CUDT", "ParcelCore", "CHookCost"],
      path: "Tests/HookCost", swiftSettings: swift),
    tests(
      "ParcelUDTTests",
      [
        "ParcelUDT", "CUDT", "ParcelNet", "ParcelSystem", "ParcelCore", "ParcelTesting", "StockPeer",
        "hook-cost",
      ]),
    tests(
      "ParcelRelayTests",
      [
        "ParcelRelay", "ParcelNet", "ParcelSystem", "ParcelCore", "ParcelTesting", "parcel-tcp2udt",
        "parcel-udt2tcp", "StockPeer",
      ]),
    tests("ParcelEngineTests", ["ParcelEngine", "ParcelCore", "ParcelTesting"]),
    tests(
      "ParcelServerTests",
      [
        "ParcelServer", "ParcelUDT", "ParcelNet", "ParcelCore", "ParcelSystem", "ParcelTesting",
        "parcel-server",
      ]),
    tests(
      "ParcelCLITests", ["ParcelCLI", "ParcelCore", "ParcelTesting", argumentParser], exclude: ["Goldens"]),
    tests(
      "ProgramTests",
      [
        "ParcelCore", "ParcelScreen", "ParcelUDT", "ParcelTesting", "parcel", "parcel-tui", "parcel-server",
        "parcel-tcp2udt", "parcel-udt2tcp",
      ]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx14
)

// The fuzzers (script/fuzz): a program without a main, which only links with libFuzzer.
if Context.environment["PARCEL_FUZZ_BUILD"] != nil {
  package.products.append(.executable(name: "parcel-fuzz", targets: ["parcel-fuzz"]))
  package.targets.append(
    .executableTarget(
      name: "parcel-fuzz", dependencies: ["ParcelCore", "ParcelTesting"], path: "Tests/Fuzz",
      exclude: ["Corpus"], swiftSettings: [.unsafeFlags(["-parse-as-library"])]))
}
