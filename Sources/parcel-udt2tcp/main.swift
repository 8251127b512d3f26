import ParcelRelayApp

runProgram(UDTToTCPCommand.self)
