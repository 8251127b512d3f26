import ParcelCore
