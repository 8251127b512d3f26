import Glibc
import ParcelTesting

let usage = """
  FaultServer [--port N] [--size BYTES] [--seed N] [--file PATH] [--validator strong|weak|date|none]
              [--no-ranges] [--no-length] [--log] [--until-eof] [--fault FAULT]...

  Serves one object on 127.0.0.1 under every path, and does wrong what each FAULT says: KIND[@BYTE][#REQUEST][xCOUNT][=ARGUMENT],
  such as cut@1048576, reset@5, stall@3000000=2000, busy#2=503:1, html#2, version#3, garble@7xall (the kinds are explained in
  Tests/ParcelTesting/Faults/Fault.swift). Paths that begin with /plain are served without faults.
  Prints "port N" and runs until SIGTERM or SIGINT, with --until-eof until its standard input ends; --log then prints what was asked.

  """

func fail(_ text: String) -> Never {
  let line = text + "\n"
  _ = write(2, line, line.utf8.count)
  exit(2)
}

var port = 0
var size = 1 << 20
var seed: UInt64 = 1
var file: String?
var faults: [Fault] = []
var logs = false
var untilEnd = false
var change: [(inout FaultObject) -> Void] = []

var arguments = CommandLine.arguments.dropFirst()
while let name = arguments.popFirst() {
  func value() -> String { arguments.popFirst() ?? { fail("'\(name)' needs a value") }() }
  func number() -> Int { Int(value()) ?? { fail("'\(name)' needs a number") }() }
  switch name {
  case "--port": port = number()
  case "--size": size = number()
  case "--seed": seed = UInt64(number())
  case "--file": file = value()
  case "--log": logs = true
  case "--until-eof": untilEnd = true
  case "--no-ranges": change.append { $0.ranges = false }
  case "--no-length": change.append { $0.announcesLength = false }
  case "--validator":
    let word = value()
    guard let validator = FaultObject.Validator(rawValue: word) else { fail("no validator '\(word)'") }
    change.append { $0.validator = validator }
  case "--fault":
    let word = value()
    guard let fault = Fault(word) else { fail("no fault '\(word)'") }
    faults.append(fault)
  case "--help", "-h":
    print(usage, terminator: "")
    exit(0)
  default: fail("'\(name)' is not known\n\n" + usage)
  }
}

var object: FaultObject
if let file {
  guard let stream = fopen(file, "r") else { fail("'\(file)' cannot be read") }
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 1 << 20)
  while case let count = fread(&piece, 1, piece.count, stream), count > 0 { bytes += piece[..<count] }
  fclose(stream)
  object = FaultObject(bytes: bytes)
} else {
  object = FaultObject(size: size, seed: seed)
}
for one in change { one(&object) }

// Before any thread, which would inherit the mask.
signal(SIGPIPE, SIG_IGN)
var ends = sigset_t()
sigemptyset(&ends)
sigaddset(&ends, SIGTERM)
sigaddset(&ends, SIGINT)
if !untilEnd { sigprocmask(SIG_BLOCK, &ends, nil) }

let server: FaultServer
do { server = try FaultServer(object, faults: faults, port: port) } catch { fail("\(error)") }
print("port \(server.port)")
fflush(nil)
if untilEnd {
  var byte: UInt8 = 0
  while case let count = read(0, &byte, 1), count > 0 || (count < 0 && errno == EINTR) {}
} else {
  var signal: Int32 = 0
  sigwait(&ends, &signal)
}
if logs {
  for request in server.requests {
    let range = request.range.map { "\($0.start)-\($0.end == .max ? "" : "\($0.end - 1)")" } ?? "whole"
    print("request \(request.number) \(request.method) \(request.path) \(range) \(request.ifRange ?? "-")")
  }
  print("sent \(server.sent)")
}
exit(0)
