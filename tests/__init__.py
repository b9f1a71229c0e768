"""The tests of ven_sdk. The folders mirror the package; tests/peers holds what plays the VTN
besides LocalVTN.
"""
