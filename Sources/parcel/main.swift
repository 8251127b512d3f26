import ParcelApp

await ClientMain.parcel()
